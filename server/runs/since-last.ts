/** What a run's number says against the last comparable one: one sentence, for the end of the run. */
import path from 'node:path';
import { differenceOf, incomparable, type Difference } from '../fid/difference';
import { readHistory } from '../history/history-store';
import { formatG, withError } from '../shared/number-text';
import type { HistoryRecord } from '../shared/schema-types.gen';
import { measuredOf, pairedInfluences, type Measured } from './compared';

/**
 * Better, worse or not distinguishable, at 95 %; image by image where the seeds are the same.
 * @param root top of the repository
 * @returns undefined where nothing comparable was recorded before
 */
export async function sinceLast(root: string, record: HistoryRecord): Promise<string | undefined> {
  const { records } = await readHistory(root);
  const own = measuredAt(root, record);
  const earlier = records
    .filter(({ id, time }) => id !== record.id && time <= record.time)
    .sort((a, b) => (a.time < b.time ? -1 : 1))
    .map((other) => ({ other, measured: measuredAt(root, other) }))
    .filter(({ measured }) => incomparable(measured, own) === undefined);
  // The same config says most of what has changed.
  const last = earlier.findLast(({ other }) => other.name === record.name) ?? earlier.at(-1);
  if (!last) return undefined;
  const influences = await pairedInfluences(last.measured, own);
  return sentence(last.measured.label, differenceOf(last.measured, own, 'why' in influences ? undefined : influences));
}

function measuredAt(root: string, record: HistoryRecord): Measured {
  const run = path.resolve(root, record.run);
  return measuredOf(record, [run, path.dirname(run)]);
}

function sentence(label: string, { value, standard_error, paired, verdict }: Difference): string {
  const by = withError(Math.abs(value), standard_error);
  const how = paired ? ', image by image' : '';
  if (standard_error === undefined) {
    const side = value === 0 ? 'The same number as' : `${formatG(Math.abs(value))} ${value < 0 ? 'below' : 'above'}`;
    return `${side} ${label}; whether that is chance is not known without a standard error`;
  }
  if (verdict === 'inconclusive') return `Not distinguishable from ${label}: ${value < 0 ? '-' : '+'}${by}${how}`;
  return `${verdict === 'better' ? 'Better' : 'Worse'} than ${label} by ${by}${how}`;
}
