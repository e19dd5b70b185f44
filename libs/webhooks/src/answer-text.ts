import type { IncomingHttpHeaders } from 'node:http';

/** Would move the cursor of whoever reads a log, or turn the direction of what stands around. */
const HARMFUL = /(?![\t\n])[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * The beginning of an answer as text to be shown: valid UTF-8, without control characters but tab and newline.
 * @param body may be cut within a character, which is left out then.
 * @returns null where there is none, or it is compressed.
 */
export function answerText(headers: IncomingHttpHeaders, body: Buffer): string | null {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (body.length === 0 || encoding.toLowerCase() !== 'identity') return null;
  // A stream may go on: the decoder holds back a character that is not complete.
  const text = new TextDecoder().decode(body, { stream: true });
  return text.replace(/\r\n/g, '\n').replace(HARMFUL, '\uFFFD');
}
