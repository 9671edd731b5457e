/**
 * The batch size for a config, measured on a node of the cluster: a short job doubles it as long as images per second
 * grow and the memory suffices. Script and arithmetic are pure.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { workFolderOf, type Cluster } from '../cluster/cluster';
import { newToken } from '../cluster/token';
import { quoteArgument } from '../cluster/quote';
import { predictRun, recommendBatch } from '../diffusion/batch-size';
import { CancelledError, UserError } from '../errors';
import { partitionText } from '../jobs/job-options';
import { samplerOptions } from '../runs/sampler-options';
import type { RunSource } from '../runs/source';
import type { TaskControl } from '../shared/progress';
import { JOB_CPUS, nfe, stepsOf } from '../shared/defaults';
import { isOver } from '../shared/protocol';
import type { BatchPoint, Calibration, ClusterProfile } from '../shared/schema-types.gen';
import { gpusOf, saveCalibration } from './calibrations';
import { shipCommit } from './code';
import { draftRun, labelOf, type Draft } from './draft';
import { jobNote } from './job-text';
import { fillRunFolder, stagePlan } from './run-folder';
import { containerLines, shellPath } from './container/engines';
import { demandOf, renderScript, WORDS, type ScriptFacts } from './script';
import { programName } from './stage';

/** Batch sizes that are tried, in this order. */
export const SIZES: readonly number[] = [8, 16, 32, 64, 128, 256, 512, 1024];
/** Percent by which a size must be faster than all before it. The job ends after two sizes in a row that are not. */
const GAIN = 5;
/** Sampling steps: which sizes fit and how they compare does not depend on them, the rate does. */
const STEPS = 2;
/** Network evaluations per image at these steps, with the default solver. */
const MEASURED = nfe(STEPS);

/**
 * The script of the job. Each size makes one batch, then three: their difference is free of the time to start.
 * @param place absolute work tree there, and the run folder in it
 * @param generate lines of the command that makes images; `--batch`, `--seeds` and `--outdir` are added
 */
export function calibrationScript(
  { profile, scheduler }: Pick<Cluster, 'profile' | 'scheduler'>,
  draft: Pick<Draft, 'config' | 'engine' | 'commit' | 'name'>,
  { folder, run }: Pick<ScriptFacts, 'folder' | 'run'>,
  generate: readonly string[],
  sizes: readonly number[] = SIZES,
): string {
  const { config, engine } = draft;
  const gpus = gpusOf({ gpus: config.gpus, engine });
  const processes = Math.max(gpus, 1);
  const facts = { profile, config: { ...config, time: '01:00:00' }, label: labelOf(draft), folder, run };
  const watch = [
    '  nvidia-smi --query-gpu=memory.used,memory.total --format=csv,noheader,nounits --loop=1 > "$RUN/gpu-$BATCH.csv" &',
    '  MONITOR=$!',
  ];
  const watched = [
    '  kill "$MONITOR"',
    '  echo "calibration batch=$BATCH memory=$(sort -n "$RUN/gpu-$BATCH.csv" | tail -n 1)"',
  ];
  return renderScript(scheduler.name, demandOf(facts, 'calibrate', JOB_CPUS * processes, gpus), profile, [
    `RUN=${quoteArgument(run)}`,
    'measure() { # batch size, number of images',
    '  local start=$(date +%s%N)',
    ...generate.map((line, i) => `${i === 0 ? '  ' : '    '}${line} \\`),
    `    --outdir="${run}/images/$1-$2" --batch="$1" --seeds="0-$(($2 - 1))" || return`,
    '  TOOK=$((($(date +%s%N) - start) / 1000000))',
    '  echo "calibration batch=$1 images=$2 milliseconds=$TOOK"',
    '}',
    'BEST=0 FLAT=0',
    `for BATCH in ${sizes.join(' ')}; do`,
    ...(gpus > 0 ? watch : []),
    `  measure "$BATCH" $((BATCH * ${processes})) && FEW=$TOOK && measure "$BATCH" $((BATCH * ${3 * processes}))`,
    '  STATUS=$?',
    ...(gpus > 0 ? watched : []),
    '  [ "$STATUS" -eq 0 ] || break',
    '  # A larger batch that is not faster only takes memory',
    `  RATE=$((BATCH * ${2_000_000 * processes} / (TOOK > FEW ? TOOK - FEW : 1)))`,
    `  if [ $((RATE * 100)) -gt $((BEST * ${100 + GAIN})) ]; then BEST=$RATE FLAT=0; else FLAT=$((FLAT + 1)); fi`,
    '  [ "$FLAT" -lt 2 ] || break',
    'done',
    'rm -r "$RUN/images"',
    'echo "calibration done"',
  ]);
}

/** The points in a log, whatever else it contains. */
export function readCalibration(log: string): BatchPoint[] {
  const runs = new Map<number, { images: number; seconds: number }[]>();
  const memory = new Map<number, { used: number; total: number }>();
  for (const line of log.split(/\r?\n|\r/)) {
    const time = /^calibration batch=(\d+) images=(\d+) milliseconds=(\d+)$/.exec(line);
    if (time) {
      const [batch = 0, images = 0, milliseconds = 0] = time.slice(1).map(Number);
      runs.set(batch, [...(runs.get(batch) ?? []), { images, seconds: milliseconds / 1000 }]);
    }
    const used = /^calibration batch=(\d+) memory=(\d+), (\d+)$/.exec(line);
    if (used) memory.set(Number(used[1]), { used: Number(used[2]), total: Number(used[3]) });
  }
  return [...runs].flatMap(([batch, measured]) => {
    const [few, many] = measured;
    if (!few || !many) return [];
    const seconds = Math.max(many.seconds - few.seconds, 0.001);
    const used = memory.get(batch);
    return { batch, rate: (many.images - few.images) / seconds, ...(used && { memory: used }) };
  });
}

export interface CalibrateOptions {
  source: RunSource;
  cluster: Cluster;
  control?: TaskControl;
  /** Seconds between two looks at the job. */
  pollSeconds: number;
  sizes?: readonly number[];
}

/**
 * The run that is measured, prepared before its cluster is connected: what can be refused here is refused first.
 * @throws UserError as `draftRun`, and where there is no container to measure in
 */
export async function prepareCalibration(
  source: RunSource,
  profile: ClusterProfile,
  control: TaskControl = {},
): Promise<Draft> {
  const draft = await draftRun(source, profile, 'keep', control);
  // Refused or not whatever the scheduler is.
  if (draft.engine === 'edm') containerLines(profile, 'slurm', { onEachNode: false });
  return draft;
}

/**
 * Runs the job, reads its log, and keeps the result for the config.
 * @throws UserError where the job ends without a result; CancelledError
 */
export async function calibrate(options: CalibrateOptions): Promise<Calibration> {
  const { source, cluster, control = {}, pollSeconds, sizes = SIZES } = options;
  const draft = await prepareCalibration(source, cluster.profile, control);
  const { job, log } = await submitCalibration(draft, cluster, sizes, control);
  const points = await awaitPoints(cluster, job, log, sizes.length, pollSeconds, control);
  const { code } = draft.commit;
  const { config } = draft;
  const chosen = recommendBatch(points, MEASURED);
  const rate = points.find(({ batch }) => batch === chosen.batch)?.rate ?? 0;
  const own = nfe(stepsOf(samplerOptions(config)), config.solver);
  const calibration: Calibration = {
    version: 1,
    time: new Date().toISOString(),
    cluster: cluster.profile.name,
    config_file: draft.configFile,
    commit: `${code.short}${code.dirty ? '-dirty' : ''}`,
    engine: draft.engine,
    network: draft.config.network,
    gpus: gpusOf(draft.config),
    job,
    log,
    points,
    nfe: MEASURED,
    run: predictRun(rate, MEASURED, { nfe: own, images: draft.images, tasks: config.tasks ?? 1 }),
    ...chosen,
  };
  await saveCalibration(draft.root, calibration);
  return calibration;
}

/** Sends code and inputs and submits the job. @returns its id and the absolute path of its log there */
async function submitCalibration(
  draft: Draft,
  cluster: Cluster,
  sizes: readonly number[],
  control: TaskControl,
): Promise<{ job: string; log: string }> {
  const { profile, scheduler } = cluster;
  const token = newToken();
  const run = `runs/${labelOf(draft)}-calibration-${token.slice(0, 6)}`;
  const { folder } = await shipCommit(cluster, draft.root, draft.commit.checkout, control);
  const plan = draft.plan && (await stagePlan(cluster, draft.plan, folder, run, control));
  const generate = plan
    ? [
        `${shellPath(`${workFolderOf(profile)}/workbench/${await programName()}`)}/bin/node ${shellPath(`${workFolderOf(profile)}/workbench/${await programName()}`)}/dist/cli.js`,
        `generate --network=${quoteArgument(plan.network.file)} --steps=${STEPS}`,
      ]
    : edmGenerate(draft, cluster, run);
  const script = calibrationScript(cluster, draft, { folder, run }, generate, sizes);
  await fillRunFolder(cluster, draft, { folder, run, token }, plan, [{ role: 'calibrate', text: script }], control);
  const { account } = profile;
  const defaults = { account, partition: partitionText(profile) };
  const { id } = await scheduler.submit({ script, folder, token, defaults });
  return { job: id, log: `${folder}/${run}/calibrate-${id}.out` };
}

/** Follows the job until it has measured everything, or ended. @throws UserError where nothing was measured; CancelledError, with the job cancelled */
async function awaitPoints(
  { scheduler, files, profile }: Cluster,
  id: string,
  log: string,
  total: number,
  pollSeconds: number,
  control: TaskControl,
): Promise<BatchPoint[]> {
  for (;;) {
    const job = await scheduler.job(id);
    const text = (await files.stat(log)) ? (await files.read(log)).toString() : '';
    const points = readCalibration(text);
    control.onProgress?.({ phase: 'Batch sizes', done: points.length, total, note: job && jobNote(job) });
    if (/^calibration done$/m.test(text) || !job || isOver(job)) {
      if (points.length > 0) return points;
      throw new UserError(`The calibration (job ${id}) has no result: ${log} on ${profile.name} says why`, 1);
    }
    await sleep(pollSeconds * 1000, undefined, { signal: control.signal }).catch(() => undefined);
    if (control.signal?.aborted) {
      await scheduler.act('cancel', [id]);
      throw new CancelledError();
    }
  }
}

function edmGenerate({ inputs }: Draft, { profile, scheduler }: Cluster, run: string): string[] {
  const network = inputs.network?.file ? `${run}/inputs/${inputs.network.name}` : (inputs.network?.name ?? '');
  return [
    ...containerLines(profile, scheduler.name, { onEachNode: false }).map((line) => line.replace(/ \\$/, '')),
    `torchrun --standalone --nproc_per_node=${WORDS[scheduler.name].gpuCount}`,
    `generate.py --network=${quoteArgument(network)} --steps=${STEPS}`,
  ];
}
