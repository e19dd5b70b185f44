import { isRecord } from '#libs/contracts';

/** Sums of shares that were rounded come out a little off, far behind what is known of them. */
const DIGITS = 12;

/**
 * The weighted mean of answers of one form: numbers of the same place are averaged, all else must be the same.
 * Of classes the probabilities are, and the label is the one that has the highest then.
 * @param answers at least one. @param weights above 0, one for each; absent: all count alike.
 * @throws Error where the answers do not have the same form.
 */
export function average(answers: readonly unknown[], weights?: readonly number[]): unknown {
  const all = weights ?? answers.map(() => 1);
  const sum = all.reduce((total, weight) => total + weight, 0);
  const shares = all.map((weight) => weight / sum);
  const [first] = answers;
  if (!isRecord(first) || !isRecord(first['probabilities'])) return mean(answers, shares, '');
  const probabilities = mean(answers.map(probabilitiesOf), shares, 'probabilities') as Record<
    string,
    number
  >;
  const best = Object.entries(probabilities).reduce((a, b) => (b[1] > a[1] ? b : a));
  return { label: best[0], confidence: best[1], probabilities };
}

function probabilitiesOf(answer: unknown): unknown {
  return isRecord(answer) ? answer['probabilities'] : undefined;
}

function mean(values: readonly unknown[], shares: readonly number[], at: string): unknown {
  const [first] = values;
  if (values.every((value) => typeof value === 'number')) {
    const sum = values.reduce((total, value, i) => total + value * (shares[i] ?? 0), 0);
    return Number(sum.toPrecision(DIGITS));
  }
  if (Array.isArray(first) && values.every((v) => Array.isArray(v) && v.length === first.length)) {
    return first.map((_, i) =>
      mean(
        values.map((value) => (value as unknown[])[i]),
        shares,
        `${at}[${String(i)}]`,
      ),
    );
  }
  if (isRecord(first) && values.every((value) => isRecord(value) && hasSameFields(first, value))) {
    const fields = Object.keys(first).map((name) => [
      name,
      mean(
        values.map((value) => (value as Record<string, unknown>)[name]),
        shares,
        at === '' ? name : `${at}.${name}`,
      ),
    ]);
    return Object.fromEntries(fields) as Record<string, unknown>;
  }
  if (values.every((value) => value === first)) return first;
  throw new Error(`the answers differ${at === '' ? '' : ` in ${at}`} and are no numbers`);
}

function hasSameFields(a: object, b: object): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name));
}
