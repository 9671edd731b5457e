/**
 * The scripts of a run, for Slurm and LSF: readable, as a careful user would write them, and without a finding of our own
 * linter. Pure.
 */
import { secondsOf } from '../scripts/reading/values';
import { DEFAULT_BATCH, DEFAULT_STEPS, PUBLISHED_NUM } from '../shared/defaults';
import type { SchedulerName } from '../shared/scheduler-name';
import { quoteArgument } from '../cluster/quote';
import { CHOICE_OPTIONS, NUMBER_OPTIONS } from '../shared/sampler-options';
import { UserError } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import type { MetricConfig, RunConfig } from '../shared/schema-types.gen';

/** One job of a run. */
export interface JobScript {
  role: 'generate' | 'fid' | 'finish';
  text: string;
  /** Number of array tasks, if it is an array. */
  tasks?: number;
}

/** What the scripts of a run are made from. Paths are relative to the work tree on the cluster unless said otherwise. */
export interface ScriptFacts {
  scheduler: SchedulerName;
  profile: ClusterProfile;
  config: RunConfig;
  /** Short hash and the run's name; all job names begin with it. */
  label: string;
  /** Run folder. */
  run: string;
  seeds: string;
  /** Engine edm: the arguments of generate.py and fid.py. */
  network: string;
  reference?: string;
  num?: number;
  /** Engine edm with offline nodes: folder of staged files, laid out as dnnlib's cache of downloads. */
  downloads?: string;
  /** Engine workbench: folder of this program on the cluster, absolute or from `~/`. */
  workbench: string;
}

/** The jobs of a run in the order of submission; each waits for the one before. */
export function jobScripts(facts: ScriptFacts): JobScript[] {
  return facts.config.engine === 'edm' ? edmScripts(facts) : workbenchScripts(facts);
}

/* ---- What the schedulers are asked for ---- */

/** What a job asks for. */
export interface Demand {
  name: string;
  account?: string;
  partition?: string;
  /** As the config has it. */
  time: string;
  cpus: number;
  /** GPUs on the node; 0 for none. */
  gpus: number;
  tasks?: number;
  /** Log without the job's number: `runs/x/generate`. */
  log: string;
}

/** The words of each scheduler. */
export const WORDS = {
  slurm: {
    keyword: '#SBATCH',
    options: ({ name, account, partition, time, cpus, gpus, tasks, log }: Demand): string[] => [
      `--job-name=${name}`,
      '--nodes=1',
      '--ntasks=1',
      `--cpus-per-task=${cpus}`,
      ...(gpus > 0 ? [`--gres=gpu:${gpus}`] : []),
      `--time=${time}`,
      ...(account ? [`--account=${account}`] : []),
      ...(partition ? [`--partition=${partition}`] : []),
      ...(tasks ? [`--array=1-${tasks}`] : []),
      `--output=${log}-${tasks ? '%A_%a' : '%j'}.out`,
    ],
    /** GPUs of the job, so that their number is written only in the directive. */
    gpuCount: '"$SLURM_GPUS_ON_NODE"',
    task: '"$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_MAX"',
  },
  lsf: {
    keyword: '#BSUB',
    options: ({ name, account, partition, time, cpus, gpus, tasks, log }: Demand): string[] => [
      tasks ? `-J "${name}[1-${tasks}]"` : `-J ${name}`,
      `-n ${cpus}`,
      '-R "span[hosts=1]"',
      ...(gpus > 0 ? [`-gpu "num=${gpus}"`] : []),
      `-W ${lsfTime(time)}`,
      ...(account ? [`-P ${account}`] : []),
      ...(partition ? [`-q ${partition}`] : []),
      `-o ${log}-${tasks ? '%J_%I' : '%J'}.out`,
    ],
    /** torchrun counts the GPUs that LSF made visible. */
    gpuCount: 'gpu',
    task: '"$LSB_JOBINDEX/$LSB_JOBINDEX_END"',
  },
} as const;

/** `[hour:]minute`, rounded up: a job must not get less than it asks for. */
function lsfTime(time: string): string {
  const minutes = Math.ceil((secondsOf(time) ?? 0) / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
}

/**
 * A complete script from what it asks for and what it does.
 * @param known rules of the linter whose finding the user has already seen in the config
 */
export function renderScript(
  scheduler: SchedulerName,
  demand: Demand,
  { setup = [] }: ClusterProfile,
  body: readonly string[],
  known: readonly string[] = [],
): string {
  const { keyword, options } = WORDS[scheduler];
  // The folder of the log is made before the job is submitted; a profile without an account means the default account.
  const settled = ['log-folder', ...(scheduler === 'slurm' && !demand.account ? ['account-missing'] : []), ...known];
  const broken = options(demand).find((option) => /\p{Cc}/u.test(option));
  if (broken !== undefined)
    throw new UserError(`${JSON.stringify(broken)} cannot be written into a script: an option is one line`);
  const lines = [
    '#!/bin/bash',
    ...options(demand).map((option) => `${keyword} ${option}`),
    `# edm-workbench: disable=${settled.join(',')}`,
    '',
    ...(setup.length > 0 ? [...setup, ''] : []),
    ...body,
  ];
  return `${lines.join('\n')}\n`;
}

/** What a job of a run asks for. */
export function demandOf(
  { profile, config, label, run }: Pick<ScriptFacts, 'profile' | 'config' | 'label' | 'run'>,
  role: string,
  cpus: number,
  gpus: number,
): Demand {
  return {
    name: role === 'generate' ? label : `${label}-${role}`,
    account: config.account ?? profile.account,
    partition: config.partition ?? profile.partition,
    time: String(config.time ?? DEFAULT_TIME),
    cpus,
    gpus,
    log: `${run}/${role}`,
  };
}

const DEFAULT_TIME = '24:00:00';
/** CPUs for each GPU: fid.py starts three workers besides itself. */
export const CPUS = 4;

/* ---- Engine edm: the lecture's scripts ---- */

function edmScripts(facts: ScriptFacts): JobScript[] {
  const { profile, config, reference } = facts;
  if (!profile.container) {
    throw new UserError(
      `Engine edm needs an Apptainer image, and the profile of ${profile.name} names none: set container, or build an image with "edm-workbench container build --cluster ${profile.name}"`,
    );
  }
  if (config.fd)
    throw new UserError('Engine edm measures with fid.py, which only knows Inception-v3: write fid instead of fd');
  if (config.rng === 'cpu')
    throw new UserError('Engine edm draws random numbers on the GPU: leave rng out, or choose engine workbench');
  const gpus = config.gpus ?? 1;
  if (gpus < 1) throw new UserError('Engine edm needs a GPU: give gpus 1 or more, or choose engine workbench');
  const inContainer = `apptainer exec --nv --bind "$PWD" ${shellPath(profile.container)} \\`;
  const generate: JobScript = { role: 'generate', text: generateScript(facts, gpus, inContainer) };
  if (!reference || !config.fid) return [generate];
  return [generate, { role: 'fid', text: fidScript(facts, config.fid, reference, inContainer) }];
}

/** Lines that give programs what they would download, where the nodes are offline. */
function offlineLines({ downloads }: ScriptFacts): string[] {
  if (!downloads) return [];
  return [
    '# The nodes are offline: the files that generate.py and fid.py would download are here',
    `export DNNLIB_CACHE_DIR="$PWD"/${downloads}`,
    '',
  ];
}

/** @param inContainer first line of a command in the container */
function generateScript(facts: ScriptFacts, gpus: number, inContainer: string): string {
  const { scheduler, profile, config, run, network } = facts;
  return renderScript(scheduler, demandOf(facts, 'generate', CPUS * gpus, gpus), profile, [
    ...offlineLines(facts),
    '# Run generate.py inside the container, one process for each GPU of the job',
    inContainer,
    `  torchrun --standalone --nproc_per_node=${WORDS[scheduler].gpuCount} \\`,
    `    generate.py \\`,
    ...continued(4, [
      `--outdir=${run}/images`,
      `--seeds=${quoteArgument(facts.seeds)}`,
      ...(config.subdirs ? ['--subdirs'] : []),
      ...(config.class === undefined ? [] : [`--class=${config.class}`]),
      `--batch=${config.batch ?? DEFAULT_BATCH}`,
      ...samplerArguments(config),
      `--network=${quoteArgument(network)}`,
    ]),
  ]);
}

function fidScript(facts: ScriptFacts, metric: MetricConfig, reference: string, inContainer: string): string {
  const { scheduler, profile, run } = facts;
  const { num, seed, batch, statistics = true } = metric;
  const images = num ?? facts.num ?? PUBLISHED_NUM;
  const batchSize = batch === undefined ? [] : [`--batch=${batch}`];
  // fid.py ref has no --num: its statistics match the distance only where all images are measured.
  const keepsStatistics = statistics && images === (facts.num ?? images);
  const body = [
    ...offlineLines(facts),
    ...(keepsStatistics
      ? [
          '# Statistics of the images, so that they can be compared with other references later',
          inContainer,
          '  python fid.py ref \\',
          ...continued(4, [`--data=${run}/images`, `--dest=${run}/stats.npz`, ...batchSize]),
          '',
        ]
      : []),
    '# Run fid.py inside the container; one GPU is fast enough',
    inContainer,
    '  python fid.py calc \\',
    ...continued(4, [
      `--images=${run}/images`,
      `--ref=${quoteArgument(reference)}`,
      `--num=${images}`,
      ...(seed === undefined ? [] : [`--seed=${seed}`]),
      ...batchSize,
    ]),
  ];
  return renderScript(
    scheduler,
    demandOf(facts, 'fid', CPUS, 1),
    profile,
    body,
    images < PUBLISHED_NUM ? ['fid-count'] : [],
  );
}

/** The sampler options under generate.py's names; --steps is always given, as in the lecture. */
function samplerArguments(config: RunConfig): string[] {
  const { steps = DEFAULT_STEPS, ...rest } = config;
  const given = [...NUMBER_OPTIONS, ...CHOICE_OPTIONS].flatMap((name) => {
    const value = name === 'steps' ? undefined : rest[name];
    return value === undefined ? [] : [`--${name}=${value === Infinity ? 'inf' : value}`];
  });
  return [`--steps=${steps}`, ...given];
}

/** Arguments of one command, a line each. */
function continued(indent: number, words: readonly string[]): string[] {
  return words.map((word, i) => `${' '.repeat(indent)}${word}${i < words.length - 1 ? ' \\' : ''}`);
}

/* ---- Engine workbench: this program in an array of tasks ---- */

function workbenchScripts(facts: ScriptFacts): JobScript[] {
  const { scheduler, profile, config, run, workbench } = facts;
  const { tasks = 1, gpus = 0 } = config;
  const program = ['# The workbench as it was sent, with the node that runs it', `WORKBENCH=${shellPath(workbench)}`];
  const command = '"$WORKBENCH/bin/node" "$WORKBENCH/dist/cli.js"';
  const demand = demandOf(facts, 'generate', CPUS, gpus);
  const generate = renderScript(scheduler, tasks > 1 ? { ...demand, tasks } : demand, profile, [
    ...program,
    ...(tasks > 1 ? ['# The seeds are divided among the tasks; each makes its images and their statistics'] : []),
    `${command} shard ${run} ${tasks > 1 ? WORDS[scheduler].task : '1/1'}`,
  ]);
  const finish = renderScript(scheduler, demandOf(facts, 'finish', 1, 0), profile, [
    ...program,
    '# Merge the statistics of all tasks, write the distance, the grid and the manifest; missing tasks are named',
    `${command} finish ${run}`,
  ]);
  return [
    { role: 'generate', text: generate, ...(tasks > 1 && { tasks }) },
    { role: 'finish', text: finish },
  ];
}

/** The option that makes a job wait for another. fid needs the other's success; finish runs in any case and names what is missing. */
export function waitingFor(scheduler: SchedulerName, role: JobScript['role'], id: string): string[] {
  const whatever = role === 'finish';
  return scheduler === 'slurm'
    ? [`--dependency=${whatever ? 'afterany' : 'afterok'}:${id}`, '--kill-on-invalid-dep=yes']
    : ['-w', `${whatever ? 'ended' : 'done'}(${id})`];
}

/** A path in a script: `~/` is the home folder there, everything else is quoted. */
export function shellPath(name: string): string {
  return name.startsWith('~/') ? `"$HOME"/${quoteArgument(name.slice(2))}` : quoteArgument(name);
}
