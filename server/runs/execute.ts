import { CancelledError, messageOf, UserError } from '../errors';
import { publishedText } from '../history/published-fids';
import { appendRecord, recordId } from '../history/history-store';
import { compute } from '../compute/compute-process';
import { generateImages } from '../compute/pool';
import { choosePool, shapeText } from '../compute/pool-shape';
import type { GenerateSummary, GenerateTask, MeasureSummary } from '../compute/tasks';
import type { Progress, TaskControl } from '../shared/progress';
import type { RunResult } from '../shared/protocol';
import type { HistoryRecord, SamplerRecord } from '../shared/schema-types.gen';
import { RunFolder } from './folder';
import { planRun, type RunPlan } from './plan';
import { sinceLast } from './since-last';
import { checkUnchanged, readSource } from './source';

/** Seconds between progress lines in log.txt. */
const LOG_EVERY = 30;

/**
 * Runs a config: plan -> images -> distance -> history record, in its run folder. Whatever interrupts it, finished
 * images stay and the same call continues.
 * @param file absolute path of a `*.edm.yaml`
 * @throws UserError, CancelledError; the manifest then says `failed` (with the error) or `cancelled`
 */
export async function executeRun(file: string, { onProgress, signal }: TaskControl = {}): Promise<RunResult> {
  const source = await readSource(file);
  const plan = await planRun(source, { onProgress, signal });
  await checkUnchanged(source);
  const folder = await RunFolder.open(plan);
  const where = folder.relativeTo(plan.root);
  await folder.log(
    `${plan.configFile} at ${plan.code.short}${plan.code.dirty ? ' with uncommitted changes' : ''} -> ${where}`,
  );
  let logged = 0;
  const report = (progress: Progress): void => {
    onProgress?.(progress);
    if (progress.done < progress.total && Date.now() - logged < LOG_EVERY * 1000) return;
    logged = Date.now();
    void folder.log(`${progress.phase} ${progress.done}/${progress.total}${progress.note ? ` ${progress.note}` : ''}`);
  };
  try {
    const job = generateJob(plan, folder);
    const shape = await choosePool(job);
    for (const line of [shapeText(shape), ...shape.notes]) await folder.log(line);
    const generated = await generateImages(job, { shape, onProgress: report, signal });
    const { notes } = generated;
    const records: HistoryRecord[] = [];
    if (plan.metric) {
      const measured = await compute(
        {
          kind: 'measure',
          ...plan.metric,
          device: plan.config.device ?? 'auto',
          images: folder.images,
          stats: folder.stats,
        },
        report,
        signal,
      );
      for (const note of measured.notes) if (!notes.includes(note)) notes.push(note);
      const record = historyRecord(plan, where, generated, measured);
      records.push(await appendRecord(plan.root, record));
      const all = measured.repeats ? `, least of ${measured.repeats.join(', ')}` : '';
      await folder.log(`${measured.metric} ${measured.value} (N = ${measured.num}${all})`);
      const published = publishedText(record);
      if (published) notes.push(published);
      // The number stands without it.
      const verdict = await sinceLast(plan.root, record).catch(() => undefined);
      if (verdict !== undefined) notes.push(verdict);
    }
    for (const note of notes) if (!shape.notes.includes(note)) await folder.log(note);
    await folder.save({ status: 'complete', finished: new Date().toISOString(), results: records });
    return { folder: folder.path, manifest: folder.manifest, records, notes };
  } catch (error) {
    const cancelled = error instanceof CancelledError;
    await folder.log(cancelled ? 'cancelled' : `failed: ${messageOf(error)}`);
    const changes = cancelled
      ? { status: 'cancelled' as const }
      : { status: 'failed' as const, error: messageOf(error) };
    await folder.save({ ...changes, finished: new Date().toISOString() }).catch(() => undefined);
    if (error instanceof UserError) throw new UserError(`${where}: ${error.message}`, error.exitCode);
    throw error;
  }
}

/** The compute processes' part of a run: all of its images. */
export function generateJob(plan: RunPlan, folder: RunFolder): GenerateTask {
  return {
    kind: 'generate',
    network: plan.network.file,
    device: plan.config.device ?? 'auto',
    workers: plan.config.workers,
    options: {
      ...plan.sampler,
      outdir: folder.images,
      seeds: plan.seeds,
      subdirs: plan.config.subdirs,
      class: plan.config.class,
      batch: plan.config.batch,
      rng: plan.rng,
      grid: folder.grid,
    },
  };
}

/** The record of a result; `run` is the run folder relative to the repository. */
export function historyRecord(
  plan: RunPlan,
  run: string,
  generated: GenerateSummary,
  measured: MeasureSummary,
): HistoryRecord {
  const finite = Object.entries(plan.sampler).filter(([, value]) => value !== Infinity);
  const sampler: SamplerRecord = {
    ...(Object.fromEntries(finite) as Partial<SamplerRecord>),
    steps: generated.steps,
    nfe: generated.nfe,
    rng: generated.rng,
  };
  const record: Omit<HistoryRecord, 'id'> = {
    version: 1,
    time: new Date().toISOString(),
    name: plan.name,
    run,
    code: plan.code,
    network: plan.network.identity,
    sampler,
    seeds: plan.seeds,
    ...(plan.config.class === undefined ? {} : { class: plan.config.class }),
    metric: measured.metric,
    value: measured.value,
    ...(measured.standard_error !== undefined && { standard_error: measured.standard_error }),
    ...(measured.repeats && { repeats: measured.repeats }),
    num: measured.num,
    detector: measured.detector,
    reference: { ...measured.reference, ...(plan.metric?.referenceName && { name: plan.metric.referenceName }) },
    device: generated.device,
    seconds: { generate: round(generated.seconds), measure: round(measured.seconds) },
  };
  return { ...record, id: recordId(record) };
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
