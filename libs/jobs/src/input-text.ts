/**
 * The text that a job's input is stored as, and that slices of it go to the runner as: a line with the
 * parameters (JSON, or empty), then a line of JSON for each instance, a comma at the end of all but the
 * last. JSON.stringify never writes a raw newline, so a text can be cut between instances unparsed, and
 * what follows the first newline, in brackets, is the JSON array of the instances.
 */
export function inputText(instances: readonly unknown[], parameters: unknown): string {
  const head = parameters === undefined ? '' : JSON.stringify(parameters);
  return `${head}\n${instances.map((instance) => JSON.stringify(instance)).join(',\n')}`;
}
