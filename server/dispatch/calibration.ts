/**
 * The batch size for a config, found on the cluster's own node: a short job that doubles it while images per second grow
 * and memory lasts. Script and arithmetic are pure.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { newToken } from '../cluster/token';
import { quoteArgument } from '../cluster/quote';
import { recommendBatch } from '../diffusion/batch-size';
import { CancelledError, UserError } from '../errors';
import type { TaskControl } from '../shared/progress';
import { FINISHED_STATES } from '../shared/protocol';
import type { BatchPoint, Calibration } from '../shared/schema-types.gen';
import { gpusOf, saveCalibration } from './calibrations';
import { shipCommit } from './code';
import { draftRun, labelOf, type Draft } from './draft';
import { fillRunFolder, stagePlan } from './run-folder';
import { Remote, workFolderOf, type ClusterAccess } from './remote';
import { CPUS, demandOf, renderScript, shellPath, WORDS } from './script';
import { programName } from './stage';

/** Batch sizes that are tried, in this order. */
export const SIZES: readonly number[] = [8, 16, 32, 64, 128, 256, 512, 1024];
/** A size that is faster than all before it by fewer percent gains nothing; after two such sizes in a row it ends. */
const GAIN = 5;
/** Sampling steps: the work per image does not matter, only what fits and how fast it goes. */
const STEPS = 2;

/**
 * The script of the job. Each size makes one batch and three, so that the difference is free of start-up.
 * @param generate words that make images: `--batch`, `--seeds` and `--outdir` are added
 */
export function calibrationScript(
  { profile, scheduler }: Pick<ClusterAccess, 'profile' | 'scheduler'>,
  draft: Pick<Draft, 'config' | 'engine' | 'commit' | 'name'>,
  run: string,
  generate: readonly string[],
  sizes: readonly number[] = SIZES,
): string {
  const { config, engine } = draft;
  const gpus = gpusOf({ gpus: config.gpus, engine });
  const processes = Math.max(gpus, 1);
  const facts = { profile, config: { ...config, time: '01:00:00' }, label: labelOf(draft), run };
  const watch = [
    '  nvidia-smi --query-gpu=memory.used,memory.total --format=csv,noheader,nounits --loop=1 > "$RUN/gpu-$BATCH.csv" &',
    '  MONITOR=$!',
  ];
  const watched = [
    '  kill "$MONITOR"',
    '  echo "calibration batch=$BATCH memory=$(sort -n "$RUN/gpu-$BATCH.csv" | tail -n 1)"',
  ];
  return renderScript(scheduler.name, demandOf(facts, 'calibrate', CPUS * processes, gpus), profile, [
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
    '  # Larger batches that are no faster only take memory',
    `  RATE=$((BATCH * ${2_000_000 * processes} / (TOOK > FEW ? TOOK - FEW : 1)))`,
    `  if [ $((RATE * 100)) -gt $((BEST * ${100 + GAIN})) ]; then BEST=$RATE FLAT=0; else FLAT=$((FLAT + 1)); fi`,
    '  [ "$FLAT" -lt 2 ] || break',
    'done',
    'rm -r "$RUN/images"',
    'echo "calibration done"',
  ]);
}

/** The points in a log, whatever else stands there. */
export function readCalibration(log: string): BatchPoint[] {
  const runs = new Map<number, { images: number; seconds: number }[]>();
  const memory = new Map<number, { used: number; total: number }>();
  for (const line of log.split(/\r?\n|\r/)) {
    const time = /^calibration batch=(\d+) images=(\d+) milliseconds=(\d+)$/.exec(line);
    if (time) {
      const [batch, images, milliseconds] = time.slice(1).map(Number);
      runs.set(batch, [...(runs.get(batch) ?? []), { images, seconds: milliseconds / 1000 }]);
    }
    const used = /^calibration batch=(\d+) memory=(\d+), (\d+)$/.exec(line);
    if (used) memory.set(Number(used[1]), { used: Number(used[2]), total: Number(used[3]) });
  }
  return [...runs].flatMap(([batch, measured]) => {
    if (measured.length < 2) return [];
    const [few, many] = measured;
    const seconds = Math.max(many.seconds - few.seconds, 0.001);
    const used = memory.get(batch);
    return { batch, rate: (many.images - few.images) / seconds, ...(used && { memory: used }) };
  });
}

export interface CalibrateOptions {
  /** Absolute path of a `*.edm.yaml`. */
  config: string;
  access: ClusterAccess;
  control?: TaskControl;
  /** Seconds between two looks at the job. */
  pollSeconds: number;
  sizes?: readonly number[];
}

/**
 * Runs the job, reads its log, and keeps what it says for the config.
 * @throws UserError where the job did not come to a result; CancelledError
 */
export async function calibrate({
  config,
  access,
  control = {},
  pollSeconds,
  sizes,
}: CalibrateOptions): Promise<Calibration> {
  const draft = await draftRun(config, access.profile, 'keep', control);
  const remote = await Remote.open(access);
  const { profile, scheduler } = access;
  const token = newToken();
  const run = `runs/${labelOf(draft)}-calibration-${token.slice(0, 6)}`;
  const { folder } = await shipCommit(remote, draft.root, draft.commit.checkout, control);
  const plan = draft.plan && (await stagePlan(remote, draft.plan, folder, run, control));
  const generate = plan
    ? [
        `${shellPath(`${workFolderOf(profile)}/workbench/${await programName()}`)}/bin/node ${shellPath(`${workFolderOf(profile)}/workbench/${await programName()}`)}/dist/cli.js`,
        `generate --network=${quoteArgument(plan.network.file)} --steps=${STEPS}`,
      ]
    : edmGenerate(draft, access, run);
  const script = calibrationScript(access, draft, run, generate, sizes);
  await fillRunFolder(
    remote,
    draft,
    { folder, run, cluster: profile.name, token },
    plan,
    [{ role: 'calibrate', text: script }],
    control,
  );
  const { account, partition } = profile;
  const { id } = await scheduler.submit({ script, folder, token, defaults: { account, partition } });
  const log = `${folder}/${run}/calibrate-${id}.out`;
  for (;;) {
    const job = await scheduler.job(id);
    const text = (await remote.files.stat(log)) ? (await remote.files.read(log)).toString() : '';
    const points = readCalibration(text);
    const note = job && `job ${job.id} ${job.stateName}${job.reason ? `, ${job.reason.text}` : ''}`;
    control.onProgress?.({ phase: 'Batch sizes', done: points.length, total: (sizes ?? SIZES).length, note });
    if (/^calibration done$/m.test(text) || !job || FINISHED_STATES.includes(job.state)) {
      if (points.length === 0)
        throw new UserError(`The calibration (job ${id}) came to no result: ${log} on ${profile.name} says why`, 1);
      const calibration: Calibration = {
        version: 1,
        time: new Date().toISOString(),
        cluster: profile.name,
        config_file: draft.configFile,
        commit: `${draft.commit.code.short}${draft.commit.code.dirty ? '-dirty' : ''}`,
        engine: draft.engine,
        network: draft.config.network,
        gpus: gpusOf(draft.config),
        job: id,
        log,
        points,
        ...recommendBatch(points),
      };
      await saveCalibration(draft.root, calibration);
      return calibration;
    }
    await sleep(pollSeconds * 1000, undefined, { signal: control.signal }).catch(() => undefined);
    if (control.signal?.aborted) {
      await scheduler.act('cancel', [id]);
      throw new CancelledError();
    }
  }
}

function edmGenerate({ inputs, config }: Draft, { profile, scheduler }: ClusterAccess, run: string): string[] {
  const network = inputs.network?.file ? `${run}/inputs/${inputs.network.name}` : (inputs.network?.name ?? '');
  return [
    `apptainer exec --nv --bind "$PWD" ${shellPath(profile.container ?? config.network)}`,
    `torchrun --standalone --nproc_per_node=${WORDS[scheduler.name].gpuCount}`,
    `generate.py --network=${quoteArgument(network)} --steps=${STEPS}`,
  ];
}
