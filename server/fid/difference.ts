/** Whether one distance is smaller than another, beyond what their images leave to chance. */
import { isSameDetector } from '../detector-identity';
import type { DetectorRecord, ReferenceRecord } from '../shared/schema-types.gen';
import { standardError } from './influence';

/** Standard errors on both sides that hold 95 % of a normal distribution. */
const CONFIDENCE = 1.959964;

/** A measured distance. */
export interface Distance {
  metric: string;
  value: number;
  /** Undefined where it is not known. */
  standard_error?: number;
  num: number;
  detector: DetectorRecord;
  reference: ReferenceRecord;
}

/** How two distances of one metric differ. */
export interface Difference {
  /** b - a: below zero, b is nearer to the reference. */
  value: number;
  /** Of `value`; undefined where that of a or of b is not known. */
  standard_error?: number;
  /** Whether images of the same seeds were taken in pairs. */
  paired: boolean;
  /** Of b, at 95 %. */
  verdict: 'better' | 'worse' | 'inconclusive';
  /** Images of each that would decide a difference of this size; undefined unless that is all that is missing. */
  needed?: number;
  /** Ends of the interval that holds the difference with 95 %. */
  interval?: [number, number];
}

/** Why two distances must not be compared, in one sentence; undefined if they may. */
export function incomparable(a: Distance, b: Distance): string | undefined {
  if (a.metric !== b.metric || !isSameDetector(a.detector, b.detector)) {
    const text = ({ metric, detector }: Distance): string => `${metric} (${detector.name})`;
    return `A is measured as ${text(a)}, B as ${text(b)}: values of different detectors are not comparable`;
  }
  if (a.reference.sha256 !== b.reference.sha256) {
    const text = ({ reference }: Distance): string => `${reference.name} (sha256 ${reference.sha256.slice(0, 12)})`;
    return `A is measured against ${text(a)}, B against ${text(b)}: measure both against one reference`;
  }
  if (a.num !== b.num) {
    return `A is of ${a.num} images, B of ${b.num}: the distance falls with the number of images; compare equal numbers`;
  }
  return undefined;
}

/**
 * The difference of two comparable distances and its standard error: sd(psi_b - psi_a) / sqrt(N - dimension) in pairs, as
 * what both runs have by chance alike (the latents of a seed) then cancels; otherwise the root of the sum of squares.
 * @param psi the influences of the images of a and b in the same order, where they are known
 */
export function differenceOf(a: Distance, b: Distance, psi?: readonly [Float64Array, Float64Array]): Difference {
  const value = b.value - a.value;
  const { dimension } = a.detector;
  const paired = psi !== undefined;
  const error = psi ? pairedError(psi, dimension) : separateError(a, b);
  if (error === undefined) return { value, paired, verdict: 'inconclusive' };
  const margin = CONFIDENCE * error;
  const interval: [number, number] = [value - margin, value + margin];
  const known = { value, standard_error: error, paired, interval };
  if (Math.abs(value) > margin) return { ...known, verdict: value < 0 ? 'better' : 'worse' };
  // The error falls with sqrt(N - dimension).
  const needed = Math.ceil(dimension + (a.num - dimension) * (margin / value) ** 2);
  return { ...known, verdict: 'inconclusive', ...(Number.isSafeInteger(needed) && value !== 0 && { needed }) };
}

function pairedError([a, b]: readonly [Float64Array, Float64Array], dimension: number): number | undefined {
  const differences = b.map((psi, i) => psi - a[i]!);
  return standardError(differences, dimension);
}

function separateError({ standard_error: a }: Distance, { standard_error: b }: Distance): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.hypot(a, b);
}
