/** The choice of a batch size from measurements of several. Pure; used for this machine and for clusters. */
import { UserError } from '../errors';
import { runText } from '../shared/calibration-text';
import type { BatchPoint, PredictedRun } from '../shared/schema-types.gen';

/** A larger batch must be faster by this share to be worth its memory. */
const WORTHWHILE = 0.05;
/** Share of the memory that may be used; other kernels and longer runs need some. */
const MEMORY_SHARE = 0.9;

/**
 * The best batch size: the smallest that is nearly as fast as the fastest and leaves enough memory.
 * @param nfe network evaluations per image that the rates were measured at, where they are not those of a whole run
 * @throws UserError if no size does
 */
export function recommendBatch(points: readonly BatchPoint[], nfe?: number): { batch: number; reason: string } {
  const fits = points.filter(({ memory }) => !memory || memory.used <= MEMORY_SHARE * memory.total);
  if (fits.length === 0) throw new UserError('No batch size worked: the log says why', 1);
  const best = Math.max(...fits.map(({ rate }) => rate));
  const chosen = fits.find(({ rate }) => rate >= best * (1 - WORTHWHILE)) ?? fits[0]!;
  const largest = fits[fits.length - 1];
  const memory = chosen.memory
    ? `, ${Math.round((100 * chosen.memory.used) / chosen.memory.total)} % of the memory`
    : '';
  const why =
    chosen === largest
      ? fits.length < points.length
        ? 'larger ones leave too little memory'
        : 'no larger one was reached'
      : `larger ones are at most ${Math.round(WORTHWHILE * 100)} % faster`;
  return { batch: chosen.batch, reason: `${chosen.rate.toPrecision(3)} images/s${atNfe(nfe)}${memory}; ${why}` };
}

/** The measurements as lines with bars for a terminal, and the choice as the last line. */
export function batchLines(
  points: readonly BatchPoint[],
  chosen: { batch: number; reason: string; nfe?: number; run?: PredictedRun },
): string[] {
  const fastest = Math.max(...points.map(({ rate }) => rate));
  const lines = points.map(({ batch, rate, memory }) => {
    const bar = '#'.repeat(Math.max(1, Math.round((40 * rate) / fastest)));
    const used = memory ? `  ${memory.used} of ${memory.total} MiB` : '';
    return `${String(batch).padStart(5)}  ${bar.padEnd(40)}  ${rate.toPrecision(3)} images/s${atNfe(chosen.nfe)}${used}`;
  });
  const { run } = chosen;
  return [...lines, ...(run ? [runText(run)] : []), `batch: ${chosen.batch}  (${chosen.reason})`];
}

function atNfe(nfe: number | undefined): string {
  return nfe === undefined ? '' : ` at NFE ${nfe}`;
}

/**
 * What a measured rate means for a run: the network takes nearly all of the time, so the rate falls as NFE grows.
 * @param rate images per second of one job, measured at `measured` network evaluations per image
 */
export function predictRun(
  rate: number,
  measured: number,
  { nfe, images, tasks }: { nfe: number; images: number; tasks: number },
): PredictedRun {
  const own = (rate * measured) / nfe;
  return { nfe, images, rate: own, seconds: images / tasks / own };
}
