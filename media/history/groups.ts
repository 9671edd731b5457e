/** Which results may be compared, and where each is in its chart. No DOM. */
import type { HistoryRecord } from '../../server/shared/protocol';
import { digestText } from '../facts';
import { countText } from '../../server/shared/number-text';
import { ACROSS, type Across, type Slot } from './across';

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
  const latest = (group: Group): number => Math.max(...group.points.map(({ record }) => Date.parse(record.time)));
  const order = new Map(groups.map((group) => [group, latest(group)]));
  groups.sort((a, b) => (order.get(b) ?? 0) - (order.get(a) ?? 0) || (a.key < b.key ? -1 : 1));
  return groups.map((group) => {
    const alike = groups.some((other) => other !== group && other.title === group.title);
    return alike ? { ...group, title: fullTitle(group.first) } : group;
  });
}

function groupKey({ metric, detector, reference, num, repeats }: HistoryRecord): string {
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
  const timed = [...members].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  const [first = members[0]] = timed;
  const slots = across.slots(timed);
  const severalNetworks = new Set(timed.map(({ network }) => network?.sha256)).size > 1;
  const nameOf = (record: HistoryRecord): string => across.seriesOf(record, severalNetworks);
  const names = [...new Set(timed.map(nameOf))].sort();
  const series: Series[] = names.map((name) => ({ name, points: [], corners: [] }));
  const points: Point[] = [];
  for (const [place, slot] of slots.entries()) {
    const here = timed.filter((record) => across.keyOf(record) === slot.key);
    const step = Math.min(LARGEST_OFFSET, SPREAD / here.length);
    for (const [nth, record] of here.entries()) {
      const x = place + (nth - (here.length - 1) / 2) * step;
      const point = { record, x, series: names.indexOf(nameOf(record)) };
      points.push(point);
      series[point.series]?.points.push(point);
    }
    for (const one of series) {
      const own = one.points.filter(({ record }) => across.keyOf(record) === slot.key);
      one.corners.push(...(across.newestOnly ? own.slice(-1) : own));
    }
  }
  return { key, title: titleOf(first), first, slots, series, points };
}
