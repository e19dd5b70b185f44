import { isIP } from 'node:net';

const DEFAULT_PORTS: Record<string, number> = { 'http:': 80, 'https:': 443 };

/** Where a call goes. */
export interface Destination {
  /** Without brackets and final dot. */
  host: string;
  port: number;
  isDefaultPort: boolean;
}

export function destinationOf(url: URL): Destination {
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const isDefaultPort = url.port === '';
  const port = isDefaultPort ? (DEFAULT_PORTS[url.protocol] ?? NaN) : Number(url.port);
  return { host, port, isDefaultPort };
}

/**
 * True unless IPv4 is written in a way that only some read as that address: `127.1`, `0x7f.1`, `2130706433`,
 * full-width digits. They are for slipping past those who compare texts.
 * @param url what the parser made of the text.
 */
export function isSpelledOut(text: string, { hostname }: URL): boolean {
  if (isIP(hostname) !== 4) return true;
  const rest = text.slice(text.indexOf('//') + 2);
  return rest.startsWith(hostname) && /^([:/?#]|$)/.test(rest.slice(hostname.length));
}

/** False for names that no name server can have. */
export function isPossibleName(host: string): boolean {
  return host.length <= 253 && host.split('.').every((part) => part !== '' && part.length <= 63);
}

/** True for names that only this machine or its network knows. */
export function isLocalName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || !host.includes('.');
}
