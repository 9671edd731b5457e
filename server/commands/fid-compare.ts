/** Which of two runs is nearer to the reference: `fid compare`. */
import path from 'node:path';
import { compute } from '../compute/compute-process';
import { UserError } from '../errors';
import { differenceOf, type Difference } from '../fid/difference';
import { keptError } from '../fid/kept-influence';
import { comparablePairs, measuredBy, pairedInfluences, type Measured } from '../runs/compared';
import { fetchInput, resolveInput } from '../runs/input';
import { formatG, withError } from '../shared/number-text';
import { print, printNotes, relative, say, type Call, type Run } from './command';

export const compareTwo: Run<'fid compare'> = async (call) => {
  const { values, positionals } = call;
  const [a, b] = [await sideOf(positionals[0], call), await sideOf(positionals[1], call)];
  const results = [];
  for (const [one, other] of comparablePairs(a, b)) {
    const influences = await pairedInfluences(one, other, values.paired);
    const isPaired = !('why' in influences);
    if (!isPaired && values.paired) throw new UserError(`--paired: ${influences.why}`);
    const difference = differenceOf(one, other, isPaired ? influences : undefined);
    results.push({ a: one, b: other, difference, unpaired: isPaired ? undefined : influences.why });
  }
  if (values.json) {
    const plain = ({ statistics: _, ...known }: Measured): Omit<Measured, 'statistics'> => known;
    print(results.map(({ a: one, b: other, difference, unpaired }) => ({ a: plain(one), b: plain(other), ...difference, unpaired }))); // prettier-ignore
    return 0;
  }
  for (const { a: one, b: other, difference, unpaired } of results) {
    say(`${one.metric}, N = ${one.num}, reference ${one.reference.name}`);
    say(`A  ${withError(one.value, one.standard_error)}  ${one.label}`);
    say(`B  ${withError(other.value, other.standard_error)}  ${other.label}`);
    say(differenceText(difference));
    if (unpaired !== undefined) printNotes([`Images were not compared in pairs: ${unpaired}`]);
    say(verdictText(difference, one.num));
  }
  return 0;
};

/** A run's or a record's distances, or that of statistics to `--ref`. */
async function sideOf(name: string, { values, withProgress }: Call<'fid compare'>): Promise<Measured[]> {
  if (!name.endsWith('.npz')) return measuredBy(name, process.cwd());
  if (values.ref === undefined) throw new UserError(`${name} is of images alone: add --ref R.npz to measure against`);
  const statistics = path.resolve(name);
  const input = resolveInput(values.ref, 'reference', process.cwd());
  const summary = await withProgress(async (control) => {
    const reference = await fetchInput(input, control);
    return compute({ kind: 'compare', statistics, reference }, control.onProgress, control.signal);
  });
  const { metric, value, num, detector } = summary;
  if (num === undefined || !detector) {
    throw new UserError(
      `${name} does not state its number of images or its detector: measure the images with fid calc`,
    );
  }
  const error = await keptError(statistics, summary.reference.sha256, detector.dimension);
  const reference = { ...summary.reference, name: input.name };
  const measured = { metric, value, num, detector, reference, statistics: [statistics] };
  return [{ label: relative(statistics), ...measured, ...(error !== undefined && { standard_error: error }) }];
}

function differenceText({ value, standard_error, paired, interval }: Difference): string {
  if (standard_error === undefined || !interval) return `B - A  ${formatG(value)}, standard error not known`;
  const ends = interval.map((end) => withError(end, standard_error).split(' ')[0]).join(' to ');
  return `B - A  ${withError(value, standard_error)}${paired ? ', in pairs' : ''}; 95 % between ${ends}`;
}

function verdictText({ verdict, needed, standard_error }: Difference, num: number): string {
  if (verdict !== 'inconclusive') return `B is ${verdict}`;
  if (standard_error === undefined) {
    return 'Inconclusive: without a standard error nobody can tell; measure both anew with more than 2 images per dimension';
  }
  const more = needed === undefined ? '' : `; a difference of this size needs about ${roundUp(needed)} images of each`;
  return `Inconclusive at ${num} images${more}`;
}

/** To two digits, as it is no more exact than that. */
function roundUp(count: number): number {
  const unit = 10 ** Math.max(Math.floor(Math.log10(count)) - 1, 0);
  return Math.ceil(count / unit) * unit;
}
