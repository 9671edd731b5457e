/** Which results may be compared, and where each is in its chart. No DOM. */
import type { HistoryRecord } from '../../server/shared/protocol';
import { digestText } from '../facts';
import { countText } from '../../server/shared/number-text';
import { ACROSS, type Across, type Slot } from './across';
import { rowOf } from './columns';

/** One result in a chart. */
export interface Point {
  record: HistoryRecord;
  /** Position across in units of one slot: the slot's place plus a small offset where several results share it. */
  x: number;
  /** Index into the group's series. */
  series: number;
}

/** Results that a line joins. */
interface Series {
  name: string;
  points: Point[];
  /** Those that the line goes through. */
  corners: Point[];
}

/** Results that measure the same thing: same metric, detector, reference, number of images and of repeats. */
export interface Group {
  key: string;
  title: string;
  /** The result that was measured first. */
  first: HistoryRecord;
  /** When the latest was measured, milliseconds since 1970. */
  latest: number;
  /** Places across, from left to right. */
  slots: Slot[];
  series: Series[];
  /** All points from left to right, and in time order where they share a slot. */
  points: Point[];
}

/** Results of one group, at least one. */
type Members = [HistoryRecord, ...HistoryRecord[]];

/** The part of a slot's width over which results that share it spread. */
const SPREAD = 0.6;
const LARGEST_OFFSET = 0.2;

/**
 * Sorts results into comparable groups; numbers of different groups never share a line or an axis.
 * Results without a place across are left out. Groups with the latest results come first. Two groups that read alike (a reference file that changed under its name,
 * say) get their digests into the title.
 */
export function groupRecords(records: readonly HistoryRecord[], across: Across = ACROSS.commit): Group[] {
  const byKey = new Map<string, Members>();
  for (const record of records) {
    if (across.keyOf(record) === undefined) continue;
    const key = groupKey(record);
    const members = byKey.get(key);
    if (members) members.push(record);
    else byKey.set(key, [record]);
  }
  const groups = [...byKey].map(([key, members]) => makeGroup(key, members, across));
  groups.sort((a, b) => b.latest - a.latest || (a.key < b.key ? -1 : 1));
  const titles = new Map<string, number>();
  for (const { title } of groups) titles.set(title, (titles.get(title) ?? 0) + 1);
  return groups.map((group) =>
    (titles.get(group.title) ?? 0) > 1 ? { ...group, title: fullTitle(group.first) } : group,
  );
}

/** Keys by record: thousands are grouped at every key of the filter. */
const keys = new WeakMap<HistoryRecord, string>();

function groupKey(record: HistoryRecord): string {
  let key = keys.get(record);
  if (key === undefined) keys.set(record, (key = newGroupKey(record)));
  return key;
}

function newGroupKey({ metric, detector, reference, num, repeats }: HistoryRecord): string {
  // A detector's name is that of its file: the same one may have several.
  const distance = metric.split(' (', 1).join();
  return JSON.stringify([distance, detectorKey(detector), reference.sha256, num, repeats?.length ?? 1]);
}

/** What tells detectors apart; records of earlier versions may have the digest of a file only. */
function detectorKey({ identity, sha256, dimension }: HistoryRecord['detector']): string {
  return identity ?? `${sha256} ${dimension}`;
}

function titleOf({ metric, reference, num, repeats }: HistoryRecord): string {
  return `${metric} against ${reference.name}, N = ${countText(num)}${repeats ? `, least of ${repeats.length}` : ''}`;
}

function fullTitle(record: HistoryRecord): string {
  const digests = `detector ${digestText(record.detector.sha256)}, reference ${digestText(record.reference.sha256)}`;
  return `${titleOf(record)} (${digests})`;
}

function makeGroup(key: string, members: Members, across: Across): Group {
  const timed = [...members].sort((a, b) => rowOf(a).time - rowOf(b).time);
  const [first = members[0]] = timed;
  const slots = across.slots(timed);
  const bySlot = new Map<string, HistoryRecord[]>(slots.map((slot) => [slot.key, []]));
  for (const record of timed) bySlot.get(across.keyOf(record) ?? '')?.push(record);
  const severalNetworks = new Set(timed.map(({ network }) => network?.sha256)).size > 1;
  const nameOf = (record: HistoryRecord): string => across.seriesOf(record, severalNetworks);
  const names = [...new Set(timed.map(nameOf))].sort();
  const placeOf = new Map(names.map((name, at) => [name, at]));
  const series: Series[] = names.map((name) => ({ name, points: [], corners: [] }));
  const points: Point[] = [];
  for (const [place, slot] of slots.entries()) {
    const here = bySlot.get(slot.key) ?? [];
    const step = Math.min(LARGEST_OFFSET, SPREAD / here.length);
    const newest = new Map<number, Point>();
    for (const [nth, record] of here.entries()) {
      const x = place + (nth - (here.length - 1) / 2) * step;
      const point: Point = { record, x, series: placeOf.get(nameOf(record)) ?? 0 };
      points.push(point);
      newest.set(point.series, point);
      const own = series[point.series];
      own?.points.push(point);
      if (!across.newestOnly) own?.corners.push(point);
    }
    if (across.newestOnly) for (const point of newest.values()) series[point.series]?.corners.push(point);
  }
  const latest = rowOf(timed[timed.length - 1] ?? first).time;
  return { key, title: titleOf(first), first, latest, slots, series, points };
}
