/** Container engines: how a container comes to see the node's GPUs and folders, and where images are built. */

/** A kind of GPU, as engines tell them apart. */
export type GpuVendor = 'nvidia' | 'amd';

/** How containers of an engine see folders of the node. */
export interface FolderAccess {
  /** What they see without being told, as the end of a sentence. */
  seen: string;
  /** Options that add folders, or that name where in the container the program starts; as `LaunchOption.name` has them. */
  options: readonly string[];
  /** Variables that add folders for every container. */
  variables: readonly string[];
  /** The option that adds the current folder; absent where the image must be prepared for it. */
  add?: string;
  /** The working folder is mostly mounted, so that a program's path says nothing. */
  isMostlySeen?: boolean;
}

/** A command that starts a program in a container. */
export interface Engine {
  /** As `Invocation.program` has it. */
  program: string;
  /** Options with which the container sees the GPUs, the usual one first; without any, the container always sees them. */
  flags?: Readonly<Record<GpuVendor, readonly string[]>>;
  /** Variables that do the same for every container. */
  variables?: readonly string[];
  /** Absent where the site mounts all file systems. */
  folders?: FolderAccess;
}

const apptainer = {
  flags: { nvidia: ['--nv', '--nvccli'], amd: ['--rocm'] },
  variables: ['APPTAINER_NV', 'SINGULARITY_NV', 'APPTAINER_ROCM', 'SINGULARITY_ROCM'],
  folders: {
    seen: 'only the home folder and, at most sites, the current one',
    options: ['bind', 'B', 'mount', 'home', 'H', 'pwd', 'cwd'],
    variables: ['APPTAINER_BIND', 'APPTAINER_BINDPATH', 'SINGULARITY_BIND', 'SINGULARITY_BINDPATH'],
    add: '--bind "$PWD"',
    isMostlySeen: true,
  },
};

/** Podman and Docker, which share their options. */
const podman: FolderAccess = {
  seen: 'no folder of the node',
  options: ['v', 'volume', 'mount', 'w', 'workdir'],
  variables: [],
  add: '-v "$PWD:$PWD" -w "$PWD"',
};

/** The engines. SingularityCE and Singularity are read as apptainer, whose options they share. */
export const engines: readonly Engine[] = [
  { program: 'apptainer exec', ...apptainer },
  { program: 'apptainer run', ...apptainer },
  { program: 'podman-hpc run', flags: { nvidia: ['--gpu'], amd: ['--gpu'] }, folders: podman },
  { program: 'podman run', flags: { nvidia: ['--device', '--gpus'], amd: ['--device'] }, folders: podman },
  { program: 'docker run', flags: { nvidia: ['--gpus', '--runtime'], amd: ['--device'] }, folders: podman },
  // GPUs come by hooks of the site, or with libraries that are in the image.
  { program: 'shifter' },
  {
    program: 'ch-run',
    // A folder is mounted only where the image has one of that name.
    folders: { seen: 'only /tmp and, in older releases, the home folder', options: ['b', 'bind', 'c', 'cd'], variables: [] },
  },
  {
    program: 'enroot start',
    folders: { seen: 'no folder of the node', options: ['m', 'mount', 'c', 'conf', 'rc'], variables: ['ENROOT_MOUNT_HOME'], add: '--mount "$PWD:$PWD"' },
  },
  {
    program: 'sarus run',
    folders: { seen: 'no folder of the node', options: ['mount', 'w', 'workdir'], variables: [] },
  },
]; // prettier-ignore

/** Programs within which another program runs in a container. */
export const enginePrograms: ReadonlySet<string> = new Set(engines.map(({ program }) => program));

/** An option of srun or sbatch with which a plug-in starts what follows in a container. */
export interface ContainerOption {
  name: string;
  folders?: FolderAccess;
}

/** Those of pyxis and of CSCS's engine, whose mounts stand in the environment's file. */
export const containerOptions: readonly ContainerOption[] = [
  {
    name: '--container-image',
    folders: {
      seen: 'no folder of the node, unless the site adds some',
      options: ['container-mounts', 'container-mount-home', 'container-workdir', 'container-name'],
      variables: ['SLURM_CONTAINER_MOUNTS', 'PYXIS_CONTAINER_MOUNTS', 'SRUN_CONTAINER_MOUNTS'],
      add: '--container-mounts="$PWD:$PWD" --container-workdir="$PWD"',
    },
  },
  { name: '--environment' },
];

/** A command that unpacks or builds an image. */
export interface Builder {
  /** As `Invocation.program` has it. */
  program: string;
  /** Its first operand, where only some of them build. */
  operands?: readonly string[];
  /** Variables that name its temporary folder, the one to set first. */
  variables: readonly string[];
  /** Options that do the same. */
  options?: readonly string[];
  /** Where it unpacks without them. */
  folder: string;
}

const apptainerBuild = { variables: ['APPTAINER_TMPDIR', 'SINGULARITY_TMPDIR', 'TMPDIR'], folder: '/tmp' };

/** The builders whose temporary folder is the node's own by default. */
export const builders: readonly Builder[] = [
  { program: 'apptainer build', ...apptainerBuild },
  { program: 'apptainer pull', ...apptainerBuild },
  { program: 'enroot import', variables: ['ENROOT_TEMP_PATH', 'TMPDIR'], folder: '/tmp' },
  {
    program: 'ch-image',
    operands: ['build', 'pull', 'import'],
    variables: ['CH_IMAGE_STORAGE'],
    options: ['-s', '--storage'],
    folder: '/var/tmp',
  },
];

/** Commands that only make, copy or fetch an image. */
export const imagePrograms: ReadonlySet<string> = new Set([
  ...builders.map(({ program }) => program),
  ...['podman-hpc', 'podman', 'docker'].flatMap((name) => ['build', 'pull', 'load', 'save', 'migrate', 'push'].map((verb) => `${name} ${verb}`)),
  'enroot create',
  'ch-convert',
  'shifterimg',
  'sarus pull',
]); // prettier-ignore

/** Words of scripts and of clusters that only one vendor's GPUs go with. */
export const vendorWords: Readonly<Record<GpuVendor, RegExp>> = {
  amd: /(?:\b|_)(?:rocm|rocr|hip|miopen|rccl|mi[123]\d\d[ax]?)\b|ROCR_VISIBLE|HIP_VISIBLE|MIOPEN_|\brocm[-/\d]/i,
  nvidia:
    /\b(?:cuda|nvidia|a100|a40|a30|h100|h200|gh200|b200|v100|p100|k80|t4|l4|l40s?|rtx\w*)\b|CUDA_|nvidia-smi|\bcuda[-/\d]/i,
};
