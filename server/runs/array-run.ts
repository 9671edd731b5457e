/**
 * A run as a job array: each task makes its images and their statistics, the last job adds them up. The same code as a
 * run in one piece, so the images are the same to the byte, and the distance to rounding.
 */
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { GRID_IMAGES, writeGrid } from '../images/grid';
import { writeAtomically } from '../atomic-file';
import { imagePath, parseSeeds, seedsText } from '../diffusion/seeds';
import { CancelledError, messageOf, UserError } from '../errors';
import { mergeStatistics } from '../fid/kept-statistics';
import { recordId } from '../history/history-store';
import { compute } from '../compute/compute-process';
import { generateImages } from '../compute/pool';
import { choosePool, shapeText } from '../compute/pool-shape';
import type { GenerateSummary } from '../compute/tasks';
import type { Progress, TaskControl } from '../shared/progress';
import type { JobProgress } from '../shared/protocol';
import type { HistoryRecord, RunManifest } from '../shared/schema-types.gen';
import { generateJob, historyRecord } from './execute';
import { RunFolder } from './folder';
import { readPlan, type StoredPlan } from './plan-file';
import { shardsOf } from './shards';

/** What a finished task leaves beside its statistics. */
interface ShardSummary {
  generated: GenerateSummary;
  /** Seconds of measuring. */
  measured: number;
  notes: string[];
}

/** Milliseconds between two reports of progress. */
const TELL_EVERY = 5000;

/**
 * One task of a run: its images and their statistics. What is there already is not made again.
 * @param folder run folder with its plan
 * @param task 1-based
 * @throws UserError, CancelledError
 */
export async function runShard(folder: string, task: number, tasks: number, { onProgress, signal }: TaskControl = {}) {
  const { run, stored } = await openRun(folder);
  const shard = stored.tasks === tasks ? shardsOf(stored.plan, tasks)[task - 1] : undefined;
  if (!shard)
    throw new UserError(`${folder} is divided among ${stored.tasks} tasks: there is no task ${task}/${tasks}`);
  const { plan } = stored;
  const file = (kind: string): string => path.join(run.shards, `${task}.${kind}`);
  let told = -Infinity;
  const report = (progress: Progress): void => {
    onProgress?.(progress);
    if (progress.done < progress.total && Date.now() - told < TELL_EVERY) return;
    told = Date.now();
    const { phase, done, total, note } = progress;
    // Read from outside while the task runs.
    const state: JobProgress = { phase, done, total, note };
    // Only a report: a full disk stops the run when it writes images.
    void writeAtomically(file('progress.json'), Buffer.from(JSON.stringify(state))).catch(() => undefined);
  };
  await run.log(`Task ${task} of ${tasks}: seeds ${shard.seeds}`);
  const job = generateJob(plan, run);
  const options = { ...job.options, seeds: shard.seeds, grid: undefined };
  const shape = await choosePool({ ...job, options });
  for (const line of [shapeText(shape), ...shape.notes]) await run.log(`Task ${task}: ${line}`);
  const generated = await generateImages({ ...job, options }, { shape, onProgress: report, signal });
  const summary: ShardSummary = { generated, measured: 0, notes: generated.notes };
  if (plan.metric) {
    const { detector, batch } = plan.metric;
    const measured = await compute(
      {
        kind: 'reference',
        data: run.images,
        dest: file('npz'),
        detector,
        device: plan.config.device ?? 'auto',
        batch,
        only: shard.measured,
      },
      report,
      signal,
    );
    summary.measured = measured.seconds;
  }
  await writeAtomically(file('json'), Buffer.from(`${JSON.stringify(summary)}\n`));
  await run.log(`Task ${task} of ${tasks} is done`);
  return { images: shard.images, written: generated.written, notes: summary.notes };
}

/**
 * The end of a run whose tasks are done: statistics, distance, grid and manifest.
 * @throws UserError naming the tasks that are missing; the manifest then says `failed`
 */
export async function finishRun(folder: string, { onProgress, signal }: TaskControl = {}): Promise<RunManifest> {
  const { run, stored } = await openRun(folder);
  try {
    const shards = await readShards(run, stored);
    const records = stored.plan.metric ? [await measureShards(run, stored, shards, { onProgress, signal })] : [];
    const { plan } = stored;
    const first = [...new Set(parseSeeds(plan.seeds))].slice(0, GRID_IMAGES);
    await writeGrid(
      first.map((seed) => path.join(run.images, imagePath(seed, plan.config.subdirs ?? false))),
      run.grid,
    );
    for (const note of new Set(shards.flatMap(({ notes }) => notes))) await run.log(note);
    await run.save({ status: 'complete', finished: new Date().toISOString(), results: records });
    return run.manifest;
  } catch (error) {
    const status = error instanceof CancelledError ? ('cancelled' as const) : ('failed' as const);
    await run.log(`${status}: ${messageOf(error)}`);
    await run.save({ status, error: messageOf(error), finished: new Date().toISOString() }).catch(() => undefined);
    throw error;
  }
}

async function openRun(folder: string): Promise<{ run: RunFolder; stored: StoredPlan }> {
  const stored = await readPlan(folder);
  const { cluster, dispatch } = stored;
  return { stored, run: await RunFolder.at(path.resolve(folder), stored.plan, { cluster, dispatch }) };
}

async function readShards(run: RunFolder, { tasks }: StoredPlan): Promise<ShardSummary[]> {
  const missing: number[] = [];
  const shards: ShardSummary[] = [];
  for (let task = 1; task <= tasks; task++) {
    const text = await readFile(path.join(run.shards, `${task}.json`), 'utf8').catch(() => undefined);
    if (text === undefined) missing.push(task);
    else shards.push(JSON.parse(text) as ShardSummary);
  }
  if (missing.length === 0) return shards;
  throw new UserError(
    `${missing.length === 1 ? 'Task' : 'Tasks'} ${seedsText(missing)} of ${tasks} did not finish: the log generate-*.out says why; finished images are kept, submit again to continue`,
    1,
  );
}

async function measureShards(
  run: RunFolder,
  { plan, tasks, cluster }: StoredPlan,
  shards: readonly ShardSummary[],
  { onProgress, signal }: TaskControl,
): Promise<HistoryRecord> {
  const metric = plan.metric;
  if (!metric) throw new Error('Nothing to measure');
  const files = shards.map((_, i) => path.join(run.shards, `${i + 1}.npz`));
  const [[first], [file]] = [shards, files];
  if (!first || !file) throw new Error(`${run.path} has no task`);
  if (tasks === 1) await copyFile(file, run.stats);
  else await mergeStatistics(files, run.stats);
  const compared = await compute(
    { kind: 'compare', statistics: run.stats, reference: metric.reference },
    onProgress,
    signal,
  );
  const { detector, num } = compared;
  if (!detector || num === undefined) throw new Error(`${run.stats} does not say what it is of`);
  if (metric.key === 'fid' && !detector.published)
    throw new UserError(`${detector.name} is not the published Inception-v3 (2015-12-05): write fd instead of fid`);
  const most = (seconds: (shard: ShardSummary) => number): number => Math.max(...shards.map(seconds));
  const generated = { ...first.generated, seconds: most((shard) => shard.generated.seconds) };
  const measured = { ...compared, detector, num, seconds: most((shard) => shard.measured), device: generated.device };
  const record = { ...historyRecord(plan, run.relativeTo(plan.root), generated, measured), cluster };
  await run.log(`${record.metric} ${record.value} (N = ${record.num})`);
  return { ...record, id: recordId(record) };
}
