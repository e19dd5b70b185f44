/** What is used of `@huggingface/tokenizers`: its own types name modules in a way that ES modules do not resolve. */
export interface TokenizerLibrary {
  encode: (text: string, options: { add_special_tokens: boolean }) => { ids: number[] };
  decode: (
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ) => string;
  token_to_id: (token: string) => number | undefined;
  post_processor: {
    config: { type: string };
    post_process: (
      tokens: string[],
      pair: string[] | null,
      addSpecialTokens: boolean,
    ) => { tokens: string[]; token_type_ids?: number[] };
  } | null;
}

/** Loaded when a tokenizer is opened: who opens none, such as the api, does not pay for it. */
export async function loadLibrary(): Promise<{
  Tokenizer: new (tokenizer: object, config: { unk_token: string | undefined }) => TokenizerLibrary;
}> {
  return await import('@huggingface/tokenizers');
}
