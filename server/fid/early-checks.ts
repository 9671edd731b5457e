/** What can fail after an hour of measuring, looked at before the first image. */
import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../errors';
import { ImageSet } from '../images/image-set';
import { reasonOf } from '../system-error';
import type { Detector } from './detector';
import { checkSizes, type FurtherOptions } from './further-metrics';
import { keptFeatures, keptSize } from './kept-features';

/**
 * Checks that a file of statistics can be written; its folder is made.
 * @param read files that the measurement reads and that must not be overwritten
 * @throws UserError
 */
export async function checkDestination(dest: string, read: readonly string[]): Promise<void> {
  if (read.some((path) => resolve(path) === resolve(dest)))
    throw new UserError(`${dest} is also read: choose another file for the statistics`);
  const found = await stat(dest).catch(() => undefined);
  if (found && !found.isFile()) throw new UserError(`Cannot write statistics to ${dest}: it is not a file`);
  try {
    await mkdir(dirname(dest), { recursive: true });
    await access(dirname(dest), constants.W_OK);
  } catch (error) {
    throw new UserError(`Cannot write statistics to ${dest}: ${reasonOf(error, 'write')}`);
  }
}

/**
 * Checks that the sets of images are large enough for what is to be measured, and the real one can be opened.
 * @param num images to measure
 * @throws UserError
 */
export async function checkSets(num: number, detector: Detector, ref: string, further: FurtherOptions): Promise<void> {
  let real: number | undefined;
  if (further.kid || further.pr) {
    if (further.real === undefined) {
      real = await keptSize(keptFeatures(ref), detector);
      if (real === undefined)
        throw new UserError(
          `${keptFeatures(ref)} was made with another detector than ${detector.name}: add --real DIR|ZIP`,
        );
    } else {
      const images = await ImageSet.open(further.real);
      real = images.num;
      images.close();
    }
  }
  checkSizes(num, real, further);
}
