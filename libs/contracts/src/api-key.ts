/** What an API key may be limited to. */
export const SCOPES = ['predict', 'read', 'webhooks', 'models:write', 'admin'] as const;
export type ScopeName = (typeof SCOPES)[number];

/** Those of a key that names none. `admin` makes keys of any name, and so is never had by oversight. */
export const USUAL_SCOPES = SCOPES.filter((scope) => scope !== 'admin');

/** What a key may be called: whose jobs it sees. */
export const KEY_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Longest life of a key that expires, in seconds: ten years. */
export const MAX_KEY_LIFE_S = 10 * 365 * 86_400;

/** An API key as its operator sees it: all but the key. */
export interface ApiKeyView {
  /** Stands in the key, too: `ftk_<id>_…`. */
  id: string;
  object: 'api_key';
  /** Its owner: keys of one name see the same jobs. */
  name: string;
  scopes: ScopeName[];
  created_at: string;
  /** From then on it is refused; null: never. */
  expires_at: string | null;
  /** The last four of the key, to tell it from others. */
  last_characters: string;
}

/** The answer to whoever made it: the only time that the key is told. */
export interface NewApiKeyView extends ApiKeyView {
  key: string;
}
