/**
 * What profiles and run configs can ask for a job: one table, in the words of each scheduler. What LSF cannot say is
 * told and never dropped. Pure.
 */
import { optionNamed } from '../scripts/catalogue/options';
import { checkValue } from '../scripts/reading/value-checks';
import { megabytesOf } from '../scripts/reading/values';
import { UserError } from '../errors';
import type { SchedulerName } from '../shared/scheduler-name';
import type { ClusterProfile, JobOptions, RunConfig } from '../shared/schema-types.gen';

/** Keys of the options, in profiles and run configs alike. */
export type JobKey = keyof JobOptions;

/** Options of jobs, and the Slurm cluster of the profile. */
export type AskedFor = JobOptions & Pick<ClusterProfile, 'clusters'>;

/** What LSF's `-R` is made of, each part once. */
type Section = 'select' | 'rusage';

/** One option. Directives are as a script has them, without the keyword. */
interface JobOption {
  /** Its directives for sbatch; absent where another row writes it. */
  slurm?: (asked: AskedFor) => string[];
  /** The same for bsub, or a part of its `-R`; a text says why LSF has nothing of the kind, and what to do instead. */
  lsf?: ((asked: AskedFor) => string[]) | { section: Section; of: (asked: AskedFor) => string | undefined } | string;
  /** What is wrong with a value beyond its schema, after the name of the key. */
  check?: (asked: AskedFor) => string | undefined;
}

/** Every option by its key, in the order in which scripts have them. */
export const JOB_OPTIONS: Readonly<Record<JobKey | 'clusters', JobOption>> = {
  mem: {
    slurm: ({ mem }) => [`--mem=${String(mem).toUpperCase()}`],
    lsf: { section: 'rusage', of: ({ mem }) => `mem=${lsfMemory(mem ?? 0)}` },
  },
  // Part of the number of CPUs, nodes and GPUs that every script has.
  cpus: {},
  nodes: {},
  gpu_type: {},
  gpus_option: { lsf: () => [] },
  account: { slurm: ({ account }) => [`--account=${account}`], lsf: ({ account }) => [`-P ${account}`] },
  partition: {
    slurm: (asked) => [`--partition=${partitionText(asked)}`],
    lsf: (asked) => [`-q ${inQuotes(partitionText(asked)?.replaceAll(',', ' ') ?? '')}`],
  },
  qos: {
    slurm: ({ qos }) => [`--qos=${qos}`],
    lsf: 'LSF has no quality of service: choose the queue with partition, or a service class with -sla in extra_directives',
  },
  constraint: {
    slurm: ({ constraint = '' }) => [`--constraint=${inQuotes(constraint)}`],
    lsf: { section: 'select', of: ({ constraint }) => lsfSelection(constraint ?? '') },
    check: ({ constraint = '' }) => problemOf('--constraint', constraint),
  },
  reservation: {
    slurm: ({ reservation }) => [`--reservation=${reservation}`],
    lsf: ({ reservation }) => [`-U ${reservation}`],
  },
  exclude: {
    slurm: (asked) => [`--exclude=${excludedText(asked)}`],
    lsf: {
      section: 'select',
      of: (asked) => {
        const names = excludedText(asked) ?? '';
        if (/[[\]]/.test(names)) throw new NotOnLsfError(`exclude ${names}: LSF knows no ranges: list the names`);
        const each = names.split(',').map((name) => `hname!='${name}'`);
        return each.join(' && ');
      },
    },
    check: (asked) => problemOf('--exclude', excludedText(asked) ?? ''),
  },
  mail: {
    slurm: ({ mail }) => [`--mail-user=${mail}`, '--mail-type=END,FAIL'],
    lsf: ({ mail }) => [`-u ${mail}`, '-N'],
  },
  // Slurm's commands are told on their command lines: the whole session is about that cluster.
  clusters: { lsf: ({ clusters }) => [`-clusters ${clusters}`] },
  extra_directives: {
    slurm: (asked) => extrasFor(asked, 'slurm'),
    lsf: (asked) => extrasFor(asked, 'lsf'),
  },
};

/** The keys in the order of the table. */
export const JOB_KEYS = (Object.keys(JOB_OPTIONS) as (JobKey | 'clusters')[]).filter(
  (key): key is JobKey => key !== 'clusters',
);

/** Something that is asked for and that LSF cannot say. */
class NotOnLsfError extends UserError {}

/**
 * What a run asks for: the config's, else that of the profile for its engine, else the profile's. Extra directives of all
 * three are written one after the other.
 */
export function askedFor(
  profile: ClusterProfile,
  config: Partial<Pick<RunConfig, JobKey>> = {},
  engine?: 'edm' | 'workbench',
): AskedFor {
  const own = (engine && profile.engines?.[engine]) ?? {};
  const { clusters } = profile;
  const asked: AskedFor = { ...(clusters !== undefined && { clusters }) };
  for (const key of JOB_KEYS) {
    const value = [config[key], own[key], profile[key]].find((one) => one !== undefined);
    if (value !== undefined) Object.assign(asked, { [key]: value });
  }
  const extras = [profile, own, config].flatMap(({ extra_directives = [] }) => extra_directives);
  if (extras.length > 0) asked.extra_directives = extras;
  return asked;
}

/** The directives of options that are given, for Slurm and without keyword; those of size (CPUs, nodes, GPUs) are not among them. */
export function slurmDirectives(asked: AskedFor): string[] {
  return given(asked).flatMap((key) => JOB_OPTIONS[key].slurm?.(asked) ?? []);
}

/** The same for LSF: the directives, and the conditions of its `-R`. @throws UserError for what LSF cannot say */
export function lsfDirectives(asked: AskedFor): { words: string[]; select: string[]; rusage: string[] } {
  const found = { words: [] as string[], select: [] as string[], rusage: [] as string[] };
  for (const key of given(asked)) {
    const { lsf } = JOB_OPTIONS[key];
    if (typeof lsf === 'string') throw new NotOnLsfError(`${key} is not on LSF. ${lsf}`);
    if (typeof lsf === 'function') found.words.push(...lsf(asked));
    else if (lsf) found[lsf.section].push(lsf.of(asked) ?? '');
  }
  return found;
}

/** What is wrong with options beyond their schema, for a scheduler where it is known. @returns keys and messages */
export function optionProblems(
  asked: AskedFor,
  scheduler: SchedulerName | undefined,
): { key: JobKey | 'clusters'; message: string }[] {
  const problems: { key: JobKey | 'clusters'; message: string }[] = [];
  for (const key of given(asked).filter((one) => one !== 'extra_directives')) {
    const { check, lsf } = JOB_OPTIONS[key];
    const wrong = check?.(asked);
    if (wrong !== undefined) problems.push({ key, message: `${key} ${wrong}` });
    else if (scheduler === 'lsf' && lsf !== undefined) {
      const message = whyNotOnLsf(key, asked);
      if (message !== undefined) problems.push({ key, message });
    }
  }
  const { nodes = 1, gpus_option } = asked;
  if (nodes > 1 && gpus_option === 'gpus')
    problems.push({
      key: 'gpus_option',
      message: 'gpus with several nodes leaves open how many GPUs each node gets: choose gpus-per-node or gres',
    });
  if (nodes > 1 && scheduler === 'lsf') problems.push({ key: 'nodes', message: NODES_ON_LSF });
  return problems;
}

/** Why several nodes are refused on LSF. */
const NODES_ON_LSF =
  'nodes: a run on several nodes is started with srun, which LSF has not: leave nodes out, or choose engine workbench with tasks';

function whyNotOnLsf(key: JobKey | 'clusters', asked: AskedFor): string | undefined {
  try {
    lsfDirectives({ [key]: asked[key] });
    return undefined;
  } catch (error) {
    if (error instanceof NotOnLsfError) return error.message;
    throw error;
  }
}

function given(asked: AskedFor): (JobKey | 'clusters')[] {
  return [...JOB_KEYS, 'clusters' as const].filter((key) => asked[key] !== undefined && String(asked[key]) !== '');
}

/** Partitions or queues as one word for Slurm; undefined where there is none. */
export function partitionText({ partition }: Pick<JobOptions, 'partition'>): string | undefined {
  return (Array.isArray(partition) ? partition.join(',') : partition) || undefined;
}

/** The names of partitions that are given. */
export function partitionNames(asked: Pick<JobOptions, 'partition'>): string[] | undefined {
  return partitionText(asked)?.split(',');
}

function excludedText({ exclude }: Pick<JobOptions, 'exclude'>): string | undefined {
  return Array.isArray(exclude) ? exclude.join(',') : exclude;
}

/** The option of Slurm that asks for GPUs, e.g. `--gres=gpu:a100:2`. @param gpus on each node, at least 1 */
export function slurmGpus(gpus: number, { gpu_type, gpus_option = 'gres' }: JobOptions): string {
  const amount = `${gpu_type === undefined ? '' : `${gpu_type}:`}${gpus}`;
  return gpus_option === 'gres' ? `--gres=gpu:${amount}` : `--${gpus_option}=${amount}`;
}

/** The same for LSF. */
export function lsfGpus(gpus: number, { gpu_type }: JobOptions): string {
  return `-gpu "num=${gpus}${gpu_type === undefined ? '' : `:gmodel=${gpu_type}`}"`;
}

/** What Slurm would say against a value, after the name of the key. */
function problemOf(option: string, value: string): string | undefined {
  if (/[\p{Cc}"]/u.test(value)) return `${JSON.stringify(value)} has characters that no directive can have`;
  const spec = optionNamed('slurm', option);
  const problem = spec && checkValue(spec, value);
  return problem && `${value}: ${problem.expected}`;
}

function lsfMemory(mem: string | number): string {
  const megabytes = megabytesOf(String(mem)) ?? 0;
  return megabytes % 1024 === 0 ? `${megabytes / 1024}GB` : `${Math.ceil(megabytes)}MB`;
}

/** `a&b` as LSF has it. @throws UserError for what only Slurm can say: counts, brackets */
function lsfSelection(constraint: string): string {
  if (!/^[\w.-]+(?:[&|,][\w.-]+)*$/.test(constraint))
    throw new NotOnLsfError(
      `constraint ${constraint}: on LSF only names joined by & or | can be written: use -R "select[...]" in extra_directives`,
    );
  const text = constraint.replace(/[&,]/g, ' && ').replaceAll('|', ' || ');
  return text.includes('||') ? `(${text})` : text;
}

/** A value as a directive has it. */
function inQuotes(value: string): string {
  return /^[\w@%+:,./=-]+$/.test(value) ? value : `"${value}"`;
}

/** Container engines that are options of srun. */
const OF_SRUN: readonly ClusterProfile['container_engine'][] = ['pyxis', 'cscs'];

/** Why the container engine of a profile cannot be used on LSF; undefined where it can. */
export function engineOnLsf({ container_engine: name }: ClusterProfile): string | undefined {
  if (!OF_SRUN.includes(name)) return undefined;
  return `container_engine ${name} is an option of srun, which LSF has not: choose apptainer, singularity, podman-hpc or none`;
}

/** An extra directive without its keyword, and the scheduler that the keyword names. */
export function extraOf(entry: string): { text: string; start: number; scheduler?: SchedulerName } {
  const [prefix = '', keyword] = /^\s*(?:#(SBATCH|BSUB)\s+)?/.exec(entry) ?? [];
  const scheduler = keyword === undefined ? undefined : keyword === 'BSUB' ? 'lsf' : 'slurm';
  return { text: entry.slice(prefix.length).trimEnd(), start: prefix.length, ...(scheduler && { scheduler }) };
}

function extrasFor({ extra_directives = [] }: JobOptions, scheduler: SchedulerName): string[] {
  return extra_directives.map((entry) => {
    const extra = extraOf(entry);
    if (extra.scheduler !== undefined && extra.scheduler !== scheduler)
      throw new UserError(
        `extra_directives: ${entry} is for ${extra.scheduler === 'lsf' ? 'LSF' : 'Slurm'}, and this cluster has ${scheduler === 'lsf' ? 'LSF' : 'Slurm'}`,
      );
    return extra.text;
  });
}
