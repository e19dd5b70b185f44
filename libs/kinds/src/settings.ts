import { z } from 'zod';

export const finite = z.number().refine(Number.isFinite, 'must be finite');
export const aboveZero = finite.refine((value) => value > 0, 'must be above 0');
export const text = z.string().min(1);

/** Beside `model.yaml`, and no path. */
export const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
export const fileName = z.string().regex(FILE_NAME, 'must be the name of a file beside model.yaml');

/** Of a number in an answer. */
export const decimals = z.number().int().min(0).max(15);
export const DEFAULT_DECIMALS = 4;
