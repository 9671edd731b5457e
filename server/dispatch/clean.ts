/**
 * Removes from a cluster's work folder what is no longer needed, by age, size and state. What a job may still use, and
 * results that are nowhere else, stay.
 */
import path from 'node:path';
import { runOn, type Cluster } from '../cluster/cluster';
import type { TaskControl } from '../shared/progress';
import { isOver, type Job } from '../shared/protocol';
import type { Dispatch } from '../shared/schema-types.gen';
import { CLEANABLE_STATES, type CleanableState } from './cleanable-states';
import { isItemPath, readWorkFolder, type Item, type WorkFolder } from './work-folder';

/** What may go. */
export interface CleanWish {
  /** Days in which nothing of it changed, at least. */
  olderThan: number;
  /** Bytes that it takes, at least. */
  largerThan: number;
  states: readonly CleanableState[];
  /** Also complete runs whose results were not fetched to this repository. */
  unfetched: boolean;
}

/** One thing there, and what becomes of it. */
export interface Verdict extends Item {
  state?: CleanableState;
  /** Why it stays; absent where it goes. */
  kept?: string;
  /** What is lost with it. */
  note?: string;
}

/** What is known beyond the folder. */
interface Known {
  /** All my jobs that have not ended. */
  jobs: readonly Job[];
  /** Of this repository, for this cluster. */
  dispatches: readonly Dispatch[];
  /** Name of the program that this version sends. */
  program: string;
}

const DAY = 86_400;

/** Decides about everything in a work folder, in its order. Pure. */
export function judge(found: WorkFolder, known: Known, wish: CleanWish): Verdict[] {
  const open = known.jobs.filter((job) => !isOver(job));
  const runs = found.items
    .filter(({ kind }) => kind === 'run')
    .map((item): Verdict => judgeRun(item, found, open, known, wish));
  const goes = new Set(runs.filter(({ kept }) => kept === undefined).map((run) => run.path));
  const others = found.items
    .filter(({ kind }) => kind !== 'run')
    .map((item): Verdict => {
      const kept = whyKept(item, found, open, known, goes) ?? byWish(ownSize(item, runs), found, wish);
      return { ...ownSize(item, runs), ...(kept !== undefined && { kept }) };
    });
  return [...runs, ...others];
}

function judgeRun(item: Item, found: WorkFolder, open: readonly Job[], known: Known, wish: CleanWish): Verdict {
  const place = path.posix.join(found.folder, item.path);
  const mine = known.dispatches.filter(({ folder, run }) => path.posix.join(folder, run) === place);
  const dispatch = mine.at(-1);
  const alive = mine.find(({ state }) => /^(?:preparing|submitted|ended)$/.test(state));
  const said = dispatch?.state ?? item.status ?? 'unknown';
  const state = CLEANABLE_STATES.find((one) => one === said) ?? 'unknown';
  const fetched = mine.flatMap((one) => one.fetched);
  const lost = state === 'complete' && !fetched.includes('images') ? 'its images are there alone' : undefined;
  const kept = isUsed(place, open)
    ? 'a job uses it'
    : alive
      ? 'its results have not been pulled'
      : !wish.states.includes(state)
        ? `its end is ${state}`
        : state === 'complete' && !fetched.includes('results') && !wish.unfetched
          ? 'its results were not fetched to this repository'
          : byWish(item, found, wish);
  return { ...item, state, ...(kept !== undefined && { kept }), ...(lost && { note: lost }) };
}

/** Why something that is not a run stays, whatever is wished. */
function whyKept(
  { kind, path: name }: Item,
  found: WorkFolder,
  open: readonly Job[],
  { program }: Known,
  goes: ReadonlySet<string>,
): string | undefined {
  switch (kind) {
    case 'commit':
      if (isUsed(path.posix.join(found.folder, name), open)) return 'a job uses it';
      return found.items.some((item) => item.kind === 'run' && item.path.startsWith(`${name}/`) && !goes.has(item.path))
        ? 'a run in it stays'
        : undefined;
    case 'file':
      if (open.length > 0) return 'jobs that have not ended may read it';
      return found.uses.some(({ file, run }) => file === name && !goes.has(run))
        ? 'a run that stays needs it'
        : undefined;
    case 'program':
      if (open.length > 0) return 'jobs that have not ended may run it';
      return name === `workbench/${program}` ? 'it is the program of this version' : undefined;
    case 'run':
      return undefined;
  }
}

/** A work tree without its runs, which are told by themselves. */
function ownSize(item: Item, runs: readonly Verdict[]): Item {
  if (item.kind !== 'commit') return item;
  const inside = runs.filter((run) => run.path.startsWith(`${item.path}/`));
  return { ...item, bytes: Math.max(0, item.bytes - inside.reduce((sum, { bytes }) => sum + bytes, 0)) };
}

function byWish(
  { bytes, modified }: Item,
  { now }: WorkFolder,
  { olderThan, largerThan }: CleanWish,
): string | undefined {
  if (now - modified < olderThan * DAY) return 'it is too young';
  return bytes < largerThan ? 'it is too small' : undefined;
}

/** Whether a job that has not ended works in a folder; one whose folder is not known may work in any. */
function isUsed(place: string, open: readonly Job[]): boolean {
  return open.some(({ folder, stdout }) => {
    if (folder === undefined) return true;
    if (folder === place || folder.startsWith(`${place}/`)) return true;
    // A run's job works in the work tree, and writes into the run.
    return place.startsWith(`${folder}/`) && (stdout === undefined || stdout.startsWith(`${place}/`));
  });
}

/** Looks at a cluster's work folder. @throws UserError where folder or queue cannot be read: then nothing is known to be free */
export async function lookThrough(
  cluster: Cluster,
  known: Pick<Known, 'dispatches' | 'program'>,
  wish: CleanWish,
): Promise<Verdict[]> {
  const [found, jobs] = [await readWorkFolder(cluster), await cluster.scheduler.queue('mine')];
  return judge(found, { ...known, jobs }, wish);
}

/** Removes what goes; the repositories then forget work trees that are gone. */
export async function remove(
  cluster: Cluster,
  root: string,
  verdicts: readonly Verdict[],
  control: TaskControl = {},
): Promise<void> {
  const going = verdicts.filter(({ kept, kind, path: name }) => kept === undefined && isItemPath(kind, name));
  const script = 'cd "$1" && shift && rm -rf -- "$@"';
  for (const [done, { path: name }] of going.entries()) {
    if (control.signal?.aborted) return;
    control.onProgress?.({ phase: 'Removing', done, total: going.length, note: name });
    await runOn(cluster, `Removing ${name}`, ['sh', '-c', script, 'sh', root, name]);
  }
  const prune =
    'for one in "$1"/repositories/*.git; do [ -d "$one" ] && git --git-dir="$one" worktree prune; done; exit 0';
  if (going.some(({ kind }) => kind === 'commit'))
    await runOn(cluster, 'Pruning work trees', ['sh', '-c', prune, 'sh', root]);
}
