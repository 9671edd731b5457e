/** Value axes: nice ticks, linear and logarithmic. No DOM. */

export type ScaleKind = 'linear' | 'log';

/** A value axis. */
export interface Scale {
  kind: ScaleKind;
  ticks: { value: number; label: string }[];
  /** Place of a value on the axis: 0 at its low end, 1 at its high end. */
  at(value: number): number;
}

/** Mantissas of nice numbers. */
const NICE = [1, 2, 5];
const TICKS_WANTED = 5;

/**
 * An axis that contains all values. Log falls back to linear where a value is not positive (`kind` tells).
 * @param values finite, at least one
 */
export function valueScale(values: readonly number[], wanted: ScaleKind): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return wanted === 'log' && low > 0 ? logScale(low, high) : linearScale(low, high);
}

/** Multiples of a step of 1, 2 or 5 times a power of ten; the ends of the axis are ticks. */
function linearScale(low: number, high: number): Scale {
  const { from, to, ticks } = linearTicks(low, high);
  return { kind: 'linear', ticks, at: (value) => (value - from) / (to - from) };
}

function linearTicks(low: number, high: number): { from: number; to: number; ticks: Scale['ticks'] } {
  // Values that no label could tell apart (a single result) get an axis of a tenth of their size around them.
  const margin = high - low <= Math.abs(high) * 1e-9 ? Math.abs(low) / 10 || 1 : 0;
  const step = niceStep((high - low + 2 * margin) / TICKS_WANTED);
  const first = Math.floor((low - margin) / step);
  const last = Math.ceil((high + margin) / step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, nth) => {
    const value = Number(((first + nth) * step).toPrecision(12));
    return { value, label: tickText(value, digits) };
  });
  return { from: first * step, to: last * step, ticks };
}

/** Smallest nice number that is not below `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const mantissa = [...NICE, 10].find((nice) => nice * power >= rough * (1 - 1e-9)) ?? 10;
  return mantissa * power;
}

/** 1, 2, 5 times powers of ten, only powers over more than three decades; a narrow range takes linear ticks. */
function logScale(low: number, high: number): Scale {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const mantissas = last - first > 3 ? [1] : NICE;
  const candidates: number[] = [];
  for (let exponent = first; exponent <= Math.max(last, first + 1); exponent++) {
    for (const mantissa of mantissas) candidates.push(Number(`${mantissa}e${exponent}`));
  }
  const below = candidates.findLastIndex((value) => value <= low * (1 + 1e-9));
  const above = candidates.findIndex((value) => value >= high * (1 - 1e-9));
  const decades = candidates.slice(below, above + 1);
  const ticks =
    decades.length >= 4
      ? decades.map((value) => ({ value, label: tickText(value, Math.max(0, -Math.floor(Math.log10(value) + 1e-9))) }))
      : linearTicks(low, high).ticks.filter(({ value }) => value > 0);
  const from = Math.log(Math.min(low, ticks.at(0)?.value ?? low));
  const to = Math.log(ticks.at(-1)?.value ?? high);
  return { kind: 'log', ticks, at: (value) => (Math.log(value) - from) / (to - from) };
}

function tickText(value: number, digits: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e6 || size < 1e-6) ? value.toExponential() : value.toFixed(digits);
}
