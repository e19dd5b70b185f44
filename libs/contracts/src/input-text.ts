import { hash } from 'node:crypto';
import type { JobProblem } from './problem.js';

/** What comes after every instance but the last one. */
const BETWEEN = ',\n';

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
  return joinLines(instances.map((instance) => JSON.stringify(instance)));
}

/** The same as `inputText`, of instances that are lines already. */
export function inputTextOf(lines: string, parameters: unknown): string {
  return `${parameters === undefined ? '' : JSON.stringify(parameters)}\n${lines}`;
}

/** The lines of instances one by one. */
export function splitLines(lines: string): string[] {
  return lines.split(BETWEEN);
}

/** `instanceLines` of such lines. */
export function joinLines(lines: readonly string[]): string {
  return lines.join(BETWEEN);
}

/** Begins the line of an instance that has failed already. JSON never has it raw: no caller can write it. */
const FAILED = '\u0001';

/** Stands in the place of an instance that has failed before it came to a runner. */
export function failedLine(problem: JobProblem): string {
  return FAILED + JSON.stringify(problem);
}

/** Whether there are lines that are no JSON. */
export function hasFailedLines(lines: string): boolean {
  return lines.includes(FAILED);
}

/** @returns undefined for a line that has an instance. */
export function problemInLine(line: string): JobProblem | undefined {
  return line.startsWith(FAILED)
    ? (JSON.parse(line.slice(FAILED.length)) as JobProblem)
    : undefined;
}

/** What lines of instances are known by. Of 1 MB it takes milliseconds. */
export function digestOfLines(lines: string): string {
  return hash('sha256', lines, 'base64url');
}
