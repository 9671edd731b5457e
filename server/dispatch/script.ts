/**
 * The scripts of a run, for Slurm and LSF: readable, as a careful user would write them, and without a finding of our own
 * linter. Pure.
 */
import { directiveProblems } from '../jobs/extra-directives';
import { secondsOf } from '../scripts/reading/values';
import {
  DEFAULT_BATCH,
  DEFAULT_JOB_TIME,
  DEFAULT_STEPS,
  FINISH_CPUS,
  JOB_CPUS,
  PUBLISHED_NUM,
} from '../shared/defaults';
import type { SchedulerName } from '../shared/scheduler-name';
import { quoteArgument } from '../cluster/quote';
import {
  askedFor,
  lsfDirectives,
  lsfGpus,
  optionProblems,
  slurmDirectives,
  slurmGpus,
  type AskedFor,
} from '../jobs/job-options';
import { CHOICE_OPTIONS, NUMBER_OPTIONS } from '../shared/sampler-options';
import { UserError } from '../errors';
import { containerLines, engineOf, shellPath } from './container/engines';
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
  /** Work tree of the commit there, absolute: where the jobs start. */
  folder: string;
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
  checkAsked(facts);
  return facts.config.engine === 'edm' ? edmScripts(facts) : workbenchScripts(facts);
}

/** Profile and config were checked one by one; here together, for the scheduler that is there. @throws UserError */
function checkAsked({ profile, config, scheduler }: ScriptFacts): void {
  const asked = askedFor(profile, config, config.engine ?? 'workbench');
  const [wrong] = optionProblems(asked, scheduler);
  if (wrong) throw new UserError(wrong.message);
  const extra = directiveProblems(asked, scheduler).find(({ severity }) => severity === 'error');
  if (extra) throw new UserError(`extra_directives: ${asked.extra_directives?.[extra.index]}: ${extra.message}`);
}

/* ---- What the schedulers are asked for ---- */

/** What a job asks for. */
export interface Demand {
  name: string;
  /** Options of profile and config. */
  asked: AskedFor;
  /** As the config has it. */
  time: string;
  /** On each node. */
  cpus: number;
  /** GPUs on each node; 0 for none. */
  gpus: number;
  /** 1 unless given. */
  nodes?: number;
  tasks?: number;
  /** Folder that the job works in, absolute. */
  folder: string;
  /** Log without the job's number, relative to the folder: `runs/x/generate`. */
  log: string;
}

/** The words of each scheduler. */
export const WORDS = {
  slurm: {
    keyword: '#SBATCH',
    options: ({ name, asked, time, cpus, gpus, nodes = 1, tasks, log }: Demand): string[] => [
      `--job-name=${name}`,
      `--nodes=${nodes}`,
      nodes > 1 ? '--ntasks-per-node=1' : '--ntasks=1',
      `--cpus-per-task=${cpus}`,
      ...(gpus > 0 ? [slurmGpus(gpus, asked)] : []),
      `--time=${time}`,
      ...slurmDirectives({ ...asked, extra_directives: undefined }),
      ...(tasks ? [`--array=1-${tasks}`] : []),
      `--output=${log}-${tasks ? '%A_%a' : '%j'}.out`,
      ...slurmDirectives({ extra_directives: asked.extra_directives }),
    ],
    /** GPUs of the job, so that their number is written only in the directive. */
    gpuCount: '"$SLURM_GPUS_ON_NODE"',
    task: '"$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_MAX"',
    /** Slurm ends a job whose log it cannot open in its folder. */
    first: (): string[] => [],
  },
  lsf: {
    keyword: '#BSUB',
    options: ({ name, asked, time, cpus, gpus, tasks, folder, log }: Demand): string[] => {
      const { words, select, rusage } = lsfDirectives({ ...asked, extra_directives: undefined });
      const sections = [
        ...(select.length > 0 ? [`select[${select.join(' && ')}]`] : []),
        ...(rusage.length > 0 ? [`rusage[${rusage.join(',')}]`] : []),
        'span[hosts=1]',
      ];
      return [
        tasks ? `-J "${name}[1-${tasks}]"` : `-J ${name}`,
        `-n ${cpus}`,
        `-R "${sections.join(' ')}"`,
        ...(gpus > 0 ? [lsfGpus(gpus, asked)] : []),
        `-W ${lsfTime(time)}`,
        ...words,
        // Absolute: LSF runs a job elsewhere where it cannot enter its folder, and its log must not go there.
        `-o ${lsfWord(`${folder}/${log}-${tasks ? '%J_%I' : '%J'}.out`)}`,
        ...lsfDirectives({ extra_directives: asked.extra_directives }).words,
      ];
    },
    /** torchrun counts the GPUs that LSF made visible. */
    gpuCount: 'gpu',
    task: '"$LSB_JOBINDEX/$LSB_JOBINDEX_END"',
    first: ({ folder }: Demand): string[] => [
      '# Where LSF cannot enter the folder of a job, it runs the job in another one',
      `cd ${quoteArgument(folder)} || { echo "Nothing was run: $HOSTNAME cannot enter the folder of this run"; exit 1; }`,
      '',
    ],
  },
} as const;

/** A word of a directive as bsub reads it. @throws UserError for a path that no directive can hold */
function lsfWord(text: string): string {
  const bad = /["$`\\]|%(?![JI])/.exec(text.replace(/-%J(_%I)?\.out$/, ''))?.[0];
  if (bad !== undefined)
    throw new UserError(
      `${text}: LSF cannot write a log below a folder with ${bad} in its name: set another work_folder`,
    );
  return /^[\w./%+@:,=~-]+$/.test(text) ? text : `"${text}"`;
}

/** `[hour:]minute`, rounded up: a job must not get less than it asks for. */
function lsfTime(time: string): string {
  const minutes = Math.ceil((secondsOf(time) ?? 0) / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
}

/** First line of a script, after `#!`: a login shell, in which `module` is what it is by hand. */
const DEFAULT_SHELL = '/bin/bash -l';

/**
 * A complete script from what it asks for and what it does.
 * @param known rules of the linter whose finding the user has already seen in the config
 */
export function renderScript(
  scheduler: SchedulerName,
  demand: Demand,
  { setup = [], shell = DEFAULT_SHELL }: ClusterProfile,
  body: readonly string[],
  known: readonly string[] = [],
): string {
  const { keyword, options, first } = WORDS[scheduler];
  // The folder of the log is made before the job is submitted; a profile without an account means the default account.
  const settled = [
    'log-folder',
    ...(scheduler === 'slurm' && !demand.asked.account ? ['account-missing'] : []),
    ...known,
  ];
  const broken = options(demand).find((option) => /\p{Cc}/u.test(option));
  if (broken !== undefined)
    throw new UserError(`${JSON.stringify(broken)} cannot be written into a script: an option is one line`);
  const lines = [
    `#!${shell}`,
    ...options(demand).map((option) => `${keyword} ${option}`),
    `# edm-workbench: disable=${settled.join(',')}`,
    '',
    ...first(demand),
    ...(setup.length > 0 ? [...setup, ''] : []),
    ...body,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * What a job of a run asks for.
 * @param cpus where neither config nor profile says how many
 */
export function demandOf(
  { profile, config, label, folder, run }: Pick<ScriptFacts, 'profile' | 'config' | 'label' | 'folder' | 'run'>,
  role: string,
  cpus: number,
  gpus: number,
): Demand {
  const asked = askedFor(profile, config, config.engine ?? 'workbench');
  return {
    name: role === 'generate' ? label : `${label}-${role}`,
    asked,
    time: String(config.time ?? DEFAULT_JOB_TIME),
    cpus: role === 'finish' ? cpus : (asked.cpus ?? cpus),
    gpus,
    folder,
    log: `${run}/${role}`,
  };
}

/* ---- Engine edm: the lecture's scripts ---- */

function edmScripts(facts: ScriptFacts): JobScript[] {
  const { config, reference } = facts;
  if (config.fd)
    throw new UserError('Engine edm measures with fid.py, which only knows Inception-v3: write fid instead of fd');
  if (config.rng === 'cpu')
    throw new UserError('Engine edm draws random numbers on the GPU: leave rng out, or choose engine workbench');
  const gpus = config.gpus ?? 1;
  if (gpus < 1) throw new UserError('Engine edm needs a GPU: give gpus 1 or more, or choose engine workbench');
  const generate: JobScript = { role: 'generate', text: generateScript(facts, gpus) };
  if (!reference || !config.fid) return [generate];
  return [generate, { role: 'fid', text: fidScript(facts, config.fid, reference) }];
}

/** Lines that give programs what they would download, or a place for it, where the container does not see the home folder. */
function downloadLines({ downloads, profile, run }: ScriptFacts): string[] {
  const { hidesHome = false } = engineOf(profile);
  if (!downloads && !hidesHome) return [];
  return [
    downloads
      ? '# The nodes are offline: the files that generate.py and fid.py would download are here'
      : '# The container does not see the home folder: what generate.py and fid.py download is kept here',
    `export DNNLIB_CACHE_DIR="$PWD"/${downloads ?? `${run}/inputs`}`,
    '',
  ];
}

function generateScript(facts: ScriptFacts, gpus: number): string {
  const { scheduler, profile, config, run, network } = facts;
  const demand = demandOf(facts, 'generate', JOB_CPUS * gpus, gpus);
  const { nodes = 1 } = demand.asked;
  return renderScript(
    scheduler,
    { ...demand, nodes },
    profile,
    [
      ...downloadLines(facts),
      ...(nodes > 1 ? MEETING : ['# Run generate.py inside the container, one process for each GPU of the job']),
      ...containerLines(profile, scheduler, { onEachNode: nodes > 1 }),
      ...launcherLines(nodes, WORDS[scheduler].gpuCount),
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
    ],
    settledBy(profile),
  );
}

/** Rules whose finding the profile has answered: it names the container engine that a plug-in of the site is for. */
function settledBy(profile: ClusterProfile): string[] {
  return engineOf(profile).srun ? ['plugin-option'] : [];
}

/** Where the processes of several nodes meet: at the first node, at a port that other jobs there do not use. */
const MEETING = [
  '# The processes of all nodes meet at the first one, at a port of this job',
  'HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
  'PORT=$((10000 + SLURM_JOB_ID % 50000))',
  '',
  '# Run generate.py inside the container: one torchrun on each node, one process for each GPU',
];

/** torchrun, on one node or on each of several. */
function launcherLines(nodes: number, gpuCount: string): string[] {
  if (nodes === 1) return [`  torchrun --standalone --nproc_per_node=${gpuCount} \\`];
  return [
    `  torchrun --nnodes="$SLURM_NNODES" --nproc_per_node=${gpuCount} \\`,
    '    --rdzv_id="$SLURM_JOB_ID" --rdzv_backend=c10d --rdzv_endpoint="$HEAD:$PORT" \\',
  ];
}

function fidScript(facts: ScriptFacts, metric: MetricConfig, reference: string): string {
  const { scheduler, profile, run } = facts;
  const inContainer = containerLines(profile, scheduler, { onEachNode: false });
  const { num, seed, batch, statistics = true } = metric;
  const images = num ?? facts.num ?? PUBLISHED_NUM;
  const batchSize = batch === undefined ? [] : [`--batch=${batch}`];
  // fid.py ref has no --num: its statistics match the distance only where all images are measured.
  const keepsStatistics = statistics && images === (facts.num ?? images);
  const body = [
    ...downloadLines(facts),
    ...(keepsStatistics
      ? [
          '# Statistics of the images, so that they can be compared with other references later',
          ...inContainer,
          '  python fid.py ref \\',
          ...continued(4, [`--data=${run}/images`, `--dest=${run}/stats.npz`, ...batchSize]),
          '',
        ]
      : []),
    '# Run fid.py inside the container; one GPU is fast enough',
    ...inContainer,
    '  python fid.py calc \\',
    ...continued(4, [
      `--images=${run}/images`,
      `--ref=${quoteArgument(reference)}`,
      `--num=${images}`,
      ...(seed === undefined ? [] : [`--seed=${seed}`]),
      ...batchSize,
    ]),
  ];
  return renderScript(scheduler, demandOf(facts, 'fid', JOB_CPUS, 1), profile, body, [
    ...settledBy(profile),
    ...(images < PUBLISHED_NUM ? ['fid-count'] : []),
  ]);
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
  const demand = demandOf(facts, 'generate', JOB_CPUS, gpus);
  const generate = renderScript(scheduler, tasks > 1 ? { ...demand, tasks } : demand, profile, [
    ...program,
    ...(tasks > 1 ? ['# The seeds are divided among the tasks; each makes its images and their statistics'] : []),
    `${command} shard ${run} ${tasks > 1 ? WORDS[scheduler].task : '1/1'}`,
  ]);
  const finish = renderScript(scheduler, demandOf(facts, 'finish', FINISH_CPUS, 0), profile, [
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
