/** Swagger takes a property of type `unknown` for an object; an instance may be any JSON but null. */
export const ANY_JSON = ['object', 'string', 'number', 'boolean']
  .map((type): { type: string; items?: object } => ({ type }))
  .concat({ type: 'array', items: {} });

export const COUNT = { type: 'integer', minimum: 0 } as const;
export const TEXT_OR_NULL = { type: String, nullable: true } as const;
export const NUMBER_OR_NULL = { type: Number, nullable: true } as const;
export const TIME = { format: 'date-time' } as const;
export const TIME_OR_NULL = { ...TEXT_OR_NULL, ...TIME } as const;
