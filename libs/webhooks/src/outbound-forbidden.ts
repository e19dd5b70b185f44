/** The URL may not be called: the message says why, in words that its caller may read. */
export class OutboundForbidden extends Error {
  override readonly name = 'OutboundForbidden';
}
