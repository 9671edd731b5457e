/** Noise levels in a text file: numbers, separated by white space, commas or new lines; `#` begins a comment. */
import path from 'node:path';
import { MAX_LEVELS } from '../diffusion/sampler-rules';
import { UserError } from '../errors';
import { readRegularFile } from '../regular-file';
import type { RunConfig } from '../shared/schema-types.gen';

/** Most bytes of such a file: as many levels as are taken, with room for comments. */
const MOST_BYTES = 2 ** 20;

/**
 * The numbers of a file, in its order. Whether they fall is for the sampler's rules.
 * @throws UserError naming the file and the line for anything but numbers, and for more than 10,000
 */
export async function readLevels(file: string): Promise<number[]> {
  const text = (await readRegularFile(file, { atMost: MOST_BYTES })).toString('utf8');
  const levels: number[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    for (const word of line.split('#', 1).join().split(/[\s,]+/)) {
      if (word === '') continue;
      const level = Number(word);
      if (Number.isNaN(level)) {
        const shown = word.length > 40 ? `${word.slice(0, 40)}...` : word;
        throw new UserError(`${file}:${i + 1}: "${shown}" is not a number; write noise levels, one a line`);
      }
      levels.push(level);
    }
  }
  if (levels.length > MAX_LEVELS) throw new UserError(`${file} has ${levels.length} noise levels, at most ${MAX_LEVELS} are taken`);
  return levels;
} // prettier-ignore

/** A config whose noise levels are numbers. @param base folder of the config. @throws UserError as `readLevels` */
export async function withLevels(config: RunConfig, base: string): Promise<RunConfig> {
  const { sigmas } = config;
  return typeof sigmas === 'string' ? { ...config, sigmas: await readLevels(path.resolve(base, sigmas)) } : config;
}
