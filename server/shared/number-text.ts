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

/** One measured number as text: `FD (fashion-mnist), N = 1000, least of 3: 2.91034`. */
export function resultText(result: {
  metric: string;
  num: number;
  value: number;
  repeats?: readonly number[];
}): string {
  const { metric, num, value, repeats } = result;
  return `${metric}, N = ${num}${repeats ? `, least of ${repeats.length}` : ''}: ${formatG(value)}`;
}
