/** Which results may be compared, and where each is in its chart. No DOM. */
import type { HistoryRecord } from '../../server/shared/protocol';
import { countText, digestText } from '../facts';

/** One result in a chart. */
export interface Point {
  record: HistoryRecord;
  /** Position across in units of one commit: the commit's place plus a small offset where several results share it. */
  x: number;
  /** Index into the group's series. */
  series: number;
}

/** Results of one run name, joined by a line. */
interface Series {
  name: string;
  points: Point[];
}

/** Results that measure the same thing: same metric, detector, reference, number of images and of repeats. */
export interface Group {
  key: string;
  title: string;
  /** The result that was measured first. */
  first: HistoryRecord;
  /** Commits, oldest first. */
  commits: HistoryRecord['code'][];
  series: Series[];
  /** All points from left to right, and in time order where they share a commit. */
  points: Point[];
}

/** Results of one group, at least one. */
type Members = [HistoryRecord, ...HistoryRecord[]];

/** The part of a commit's width over which results that share it spread. */
const SPREAD = 0.6;
const LARGEST_OFFSET = 0.2;

/**
 * Sorts results into comparable groups; numbers of different groups never share a line or an axis.
 * Groups with the latest results come first. Two groups that read alike (a reference file that changed under its name,
 * say) get their digests into the title.
 */
export function groupRecords(records: readonly HistoryRecord[]): Group[] {
  const byKey = new Map<string, Members>();
  for (const record of records) {
    const key = groupKey(record);
    const members = byKey.get(key);
    if (members) members.push(record);
    else byKey.set(key, [record]);
  }
  const groups = [...byKey].map(([key, members]) => makeGroup(key, members));
  const latest = (group: Group): number => Math.max(...group.points.map(({ record }) => Date.parse(record.time)));
  const order = new Map(groups.map((group) => [group, latest(group)]));
  groups.sort((a, b) => (order.get(b) ?? 0) - (order.get(a) ?? 0) || (a.key < b.key ? -1 : 1));
  return groups.map((group) => {
    const alike = groups.some((other) => other !== group && other.title === group.title);
    return alike ? { ...group, title: fullTitle(group.first) } : group;
  });
}

function groupKey({ metric, detector, reference, num, repeats }: HistoryRecord): string {
  return JSON.stringify([metric, detector.sha256, reference.sha256, num, repeats?.length ?? 1]);
}

function titleOf({ metric, reference, num, repeats }: HistoryRecord): string {
  return `${metric} against ${reference.name}, N = ${countText(num)}${repeats ? `, least of ${repeats.length}` : ''}`;
}

function fullTitle(record: HistoryRecord): string {
  const digests = `detector ${digestText(record.detector.sha256)}, reference ${digestText(record.reference.sha256)}`;
  return `${titleOf(record)} (${digests})`;
}

function makeGroup(key: string, members: Members): Group {
  const timed = [...members].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  const [first = members[0]] = timed;
  const commits = commitsOf(timed);
  const names = [...new Set(timed.map(({ name }) => name))].sort();
  const series: Series[] = names.map((name) => ({ name, points: [] }));
  const points: Point[] = [];
  for (const [place, { commit }] of commits.entries()) {
    const here = timed.filter(({ code }) => code.commit === commit);
    const step = Math.min(LARGEST_OFFSET, SPREAD / here.length);
    for (const [nth, record] of here.entries()) {
      const point = { record, x: place + (nth - (here.length - 1) / 2) * step, series: names.indexOf(record.name) };
      points.push(point);
      series[point.series]?.points.push(point);
    }
  }
  return { key, title: titleOf(first), first, commits, series, points };
}

/** Each commit once, by author date; of equal dates the one measured first. */
function commitsOf(timed: readonly HistoryRecord[]): HistoryRecord['code'][] {
  const first = new Map<string, HistoryRecord['code']>();
  for (const { code } of timed) if (!first.has(code.commit)) first.set(code.commit, code);
  return [...first.values()].sort((a, b) => Date.parse(a.date) - Date.parse(b.date));
}
