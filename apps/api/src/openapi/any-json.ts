/** Swagger takes a property of type `unknown` for an object; an instance may be any JSON but null. */
export const ANY_JSON = ['object', 'string', 'number', 'boolean']
  .map((type): { type: string; items?: object } => ({ type }))
  .concat({ type: 'array', items: {} });
