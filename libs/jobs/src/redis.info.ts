/** A field of what INFO answers; '' where a service does not tell it. */
export function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
}
