/** What runs EDM's own code in a container: how each engine wraps a command of a job script. Pure. */
import { quoteArgument } from '../../cluster/quote';
import { UserError } from '../../errors';
import { engineOnLsf } from '../../jobs/job-options';
import type { SchedulerName } from '../../shared/scheduler-name';
import type { ClusterProfile } from '../../shared/protocol';

/** Name of an engine, as profiles have it. */
export type EngineName = NonNullable<ClusterProfile['container_engine']>;

/** What a container is started with. */
interface Container {
  /** The image as a word of a shell. */
  image: string;
  /** Maker of the GPUs. */
  vendor: NonNullable<ClusterProfile['gpu_vendor']>;
}

/** One engine. What it writes stands before the command, one entry a line. */
interface ContainerEngine {
  /** A program that starts the command. */
  wrap?: (container: Container) => string[];
  /** Options of srun, where Slurm itself starts the container. */
  srun?: (container: Container) => string[];
  /** What the profile's `container` has to be; absent where none is needed. */
  wants?: string;
  /** True where the home folder is not seen in the container: what is downloaded is kept in the run folder. */
  hidesHome?: boolean;
}

/** Apptainer and Singularity: the same options. */
const sif = (program: string): ContainerEngine => ({
  wrap: ({ image, vendor }) => [`${program} exec ${vendor === 'amd' ? '--rocm' : '--nv'} --bind "$PWD" ${image}`],
  wants: 'an image (.sif)',
});

/** The engines by their names. */
export const CONTAINER_ENGINES: Readonly<Record<EngineName, ContainerEngine>> = {
  apptainer: sif('apptainer'),
  singularity: sif('singularity'),
  pyxis: {
    srun: ({ image }) => [
      `--container-image=${image}`,
      '--container-mounts="$PWD:$PWD"',
      '--container-workdir="$PWD"',
      '--container-env=DNNLIB_CACHE_DIR',
    ],
    wants: "an image (.sqsh, or a registry's address)",
    hidesHome: true,
  },
  'podman-hpc': {
    wrap: ({ image }) => [
      'podman-hpc run --rm --gpu --env=DNNLIB_CACHE_DIR \\',
      `  --volume="$PWD:$PWD" --workdir="$PWD" ${image}`,
    ],
    wants: 'the name of an image',
    hidesHome: true,
  },
  cscs: {
    srun: ({ image }) => [`--environment=${image}`],
    // An environment has a working folder of its own.
    wrap: () => [`bash -c 'cd "$SLURM_SUBMIT_DIR" && exec "$@"' bash`],
    wants: 'an environment (a name, or the path of a .toml file)',
    hidesHome: true,
  },
  none: {},
};

/** The engine of a profile. */
export function engineOf({ container_engine = 'apptainer' }: ClusterProfile): ContainerEngine {
  return CONTAINER_ENGINES[container_engine];
}

/** Why engine edm cannot run as a profile has it; undefined where it can. */
function engineProblem(profile: ClusterProfile, scheduler: SchedulerName): string | undefined {
  const onLsf = scheduler === 'lsf' ? engineOnLsf(profile) : undefined;
  if (onLsf !== undefined) return onLsf;
  const { container, container_engine: name = 'apptainer' } = profile;
  const { wants } = engineOf(profile);
  if (wants === undefined || container) return undefined;
  const build = name === 'apptainer' ? `, or build an image with "edm-workbench container build --cluster ${profile.name}"` : ''; // prettier-ignore
  return `Engine edm needs ${wants} for ${name}, and the profile of ${profile.name} names none: set container${build}`;
}

/** Where the job starts a program. */
interface Launch {
  /** True where srun starts it once on each node. */
  onEachNode: boolean;
}

/**
 * The lines before a command that put it into the container, and onto every node where there are several.
 * @throws UserError where the profile's engine cannot be used
 */
export function containerLines(profile: ClusterProfile, scheduler: SchedulerName, { onEachNode }: Launch): string[] {
  const problem = engineProblem(profile, scheduler);
  if (problem !== undefined) throw new UserError(problem);
  const { wrap, srun } = engineOf(profile);
  const { container = '', gpu_vendor: vendor = 'nvidia' } = profile;
  const facts = { image: shellPath(container), vendor };
  // Since Slurm 22.05 a step does not get the CPUs of the job by itself.
  const step = srun || onEachNode ? ['srun --cpus-per-task="$SLURM_CPUS_PER_TASK"'] : [];
  const options = (srun?.(facts) ?? []).map((option) => `  ${option}`);
  return [...step, ...options, ...(wrap?.(facts) ?? [])].map((line) => (line.endsWith('\\') ? line : `${line} \\`));
}

/** A path in a script: `~/` is the home folder there, everything else is quoted. */
export function shellPath(name: string): string {
  return name.startsWith('~/') ? `"$HOME"/${quoteArgument(name.slice(2))}` : quoteArgument(name);
}
