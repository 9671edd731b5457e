/** What a measured batch size means for a run, in words: for the terminal, the editor and the panel. */
import { durationText } from './progress';
import type { PredictedRun } from './schema-types.gen';

/** `The run has NFE 35: about 8.5 images/s, and 1 h 38 min for 50000 images`. */
export function runText({ nfe, images, rate, seconds }: PredictedRun): string {
  return `The run has NFE ${nfe}: about ${rate.toPrecision(3)} images/s in a job, and ${durationText(seconds)} for its ${images} images`;
}
