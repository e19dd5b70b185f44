import { hash } from 'node:crypto';

/**
 * The text that a job's input is stored as, and that slices of it go to the runner as: a line with the
 * parameters (JSON, or empty), then a line of JSON for each instance, a comma at the end of all but the
 * last. JSON.stringify never writes a raw newline, so a text can be cut between instances unparsed, and
 * what follows the first newline, in brackets, is the JSON array of the instances.
 */
export function inputText(instances: readonly unknown[], parameters: unknown): string {
  return inputTextOf(instanceLines(instances), parameters);
}

/** The lines of the instances alone. */
export function instanceLines(instances: readonly unknown[]): string {
  return instances.map((instance) => JSON.stringify(instance)).join(',\n');
}

/** The same as `inputText`, of instances that are lines already. */
export function inputTextOf(lines: string, parameters: unknown): string {
  return `${parameters === undefined ? '' : JSON.stringify(parameters)}\n${lines}`;
}

/** What lines of instances are known by. Of 1 MB it takes milliseconds. */
export function digestOfLines(lines: string): string {
  return hash('sha256', lines, 'base64url');
}
