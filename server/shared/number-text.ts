/** Significant digits of C's plain `%g`. */
const DIGITS = 6;

/**
 * A number as C's and Python's `%g` print it, which is how fid.py prints its result: 6 significant digits, trailing
 * zeros dropped, an exponent of at least two digits below 1e-4 and from 1e6; `inf`, `nan` and `-0` as in C.
 */
export function formatG(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return `${sign}inf`;
  const { digits, exponent } = round(Math.abs(value));
  if (exponent < -4 || exponent >= DIGITS) {
    const power = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${decimal(digits, 1)}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return sign + decimal('0'.repeat(-exponent) + digits, 1);
  return sign + decimal(digits, exponent + 1);
}

/** The first DIGITS digits, a tie going to the even digit as in C; JavaScript's own methods round ties up. */
function round(magnitude: number): { digits: string; exponent: number } {
  const [mantissa = '0', power] = magnitude.toExponential(30).split('e');
  const all = mantissa.replace('.', '');
  const [head, tail] = [Number(all.slice(0, DIGITS)), all.slice(DIGITS)];
  const half = '5'.padEnd(tail.length, '0');
  const rounded = tail > half || (tail === half && head % 2 === 1) ? head + 1 : head;
  const carried = rounded === 10 ** DIGITS;
  const digits = carried ? rounded / 10 : rounded;
  return { digits: String(digits).padStart(DIGITS, '0'), exponent: Number(power) + (carried ? 1 : 0) };
}

/** `digits` with the point after `whole` of them, without trailing zeros. */
function decimal(digits: string, whole: number): string {
  const fraction = digits.slice(whole).replace(/(?<!0)0+$/, '');
  return digits.slice(0, whole) + (fraction && `.${fraction}`);
}

/**
 * A value with its standard error, both to the error's first digit, or its first two if the first is 1: `1.97 +- 0.02`,
 * `2.910 +- 0.012`. Without a usable error, the value as `%g`.
 */
export function withError(value: number, error: number | undefined): string {
  if (error === undefined || !(error > 0) || !Number.isFinite(error)) return formatG(value);
  const [first = 0, exponent = 0] = error.toExponential(1).split('e').map(Number);
  // 0.096 becomes 0.1, which needs one digit less than 0.014.
  const carried = Number(error.toExponential(0).split('e')[1]) > exponent;
  const decimals = Math.min(Math.max((first < 2 ? 1 : 0) - exponent - (carried ? 1 : 0), 0), 20);
  return `${value.toFixed(decimals)} +- ${error.toFixed(decimals)}`;
}

/** Made when it is first needed, as it takes 8 ms: a program that checks one file is done in 60. */
let counts: Intl.NumberFormat | undefined;

/** 50000 -> `50,000`. */
export function countText(count: number): string {
  counts ??= new Intl.NumberFormat('en-US');
  return counts.format(count);
}

/** `1 image`, `2,000 images`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${countText(count)} ${count === 1 ? noun : plural}`;
}

/** One measured number as text: `FD (fashion-mnist), N = 1000, least of 3: 2.91034`. */
export function resultText(result: {
  metric: string;
  num: number;
  value: number;
  standard_error?: number;
  repeats?: readonly number[];
}): string {
  const { metric, num, value, standard_error, repeats } = result;
  return `${metric}, N = ${num}${repeats ? `, least of ${repeats.length}` : ''}: ${withError(value, standard_error)}`;
}
