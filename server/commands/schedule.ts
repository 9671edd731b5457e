/** Searching noise levels: `schedule search`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createOnce } from '../atomic-file';
import type { MeanOverImages } from '../diffusion/schedule-search';
import { UserError } from '../errors';
import { CONFIG_SUFFIX } from '../runs/config';
import { searchForConfig } from '../runs/searched-schedule';
import { withError } from '../shared/number-text';
import { durationText } from '../shared/progress';
import { print, printNotes, relative, say, type Run } from './command';

export const searchSchedule: Run<'schedule search'> = async ({ values, positionals: [config], withProgress }) => {
  const { nfe, solver, device, seeds, trial_seeds: trialSeeds, rounds, out } = values;
  const given = path.resolve(config);
  const dest = path.resolve(out ?? `${given.slice(0, -CONFIG_SUFFIX.length)}-nfe${nfe}${CONFIG_SUFFIX}`);
  if (!dest.endsWith(CONFIG_SUFFIX)) throw new UserError(`--out ${out}: a run config's name ends in ${CONFIG_SUFFIX}`);
  // Minutes of search must not end at a file that was there before.
  if (existsSync(dest)) throw new UserError(`${relative(dest)} is there already: delete it, or name another with --out`);
  const request = { nfe, solver, device, seeds, trialSeeds, rounds };
  const { found, text } = await withProgress((control) => searchForConfig(given, request, control));
  await createOnce(dest, text);
  printNotes(found.notes);
  if (values.json) {
    print({ config: dest, ...found });
    return 0;
  }
  const line = (name: string, { value, standard_error }: MeanOverImages): void =>
    say(`${name}  ${withError(value, standard_error)}`);
  say(`${found.solver}, ${nfe} evaluations, ${found.trials} images that nothing was learned from: distance to the images of a`);
  say(`teacher with ${found.teacher_nfe} evaluations, root mean square of values from -1 to 1`);
  line("the config's own levels", found.before);
  line('levels found           ', found.after);
  line('difference, in pairs   ', found.difference);
  say(`sigmas: [${found.sigmas.join(', ')}]`);
  say(`${relative(dest)} written after ${durationText(found.seconds)}. Nearer to the teacher is not yet a lower FD: run both, then fid compare`);
  return 0;
}; // prettier-ignore
