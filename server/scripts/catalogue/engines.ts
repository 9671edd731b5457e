/** Container engines, and how a container of each comes to see the node's GPUs. */

/** A kind of GPU, as engines tell them apart. */
export type GpuVendor = 'nvidia' | 'amd';

/** A command that starts a program in a container. */
interface Engine {
  /** As `Invocation.program` has it. */
  program: string;
  /** Options with which the container sees the GPUs, the usual one first; without any, the container always sees them. */
  flags?: Readonly<Record<GpuVendor, readonly string[]>>;
  /** Variables that do the same for every container. */
  variables?: readonly string[];
}

const apptainer = {
  flags: { nvidia: ['--nv', '--nvccli'], amd: ['--rocm'] },
  variables: ['APPTAINER_NV', 'SINGULARITY_NV', 'APPTAINER_ROCM', 'SINGULARITY_ROCM'],
};

/** The engines. SingularityCE and Singularity are read as apptainer, whose options they share. */
export const engines: readonly Engine[] = [
  { program: 'apptainer exec', ...apptainer },
  { program: 'apptainer run', ...apptainer },
  { program: 'podman-hpc run', flags: { nvidia: ['--gpu'], amd: ['--gpu'] } },
  { program: 'podman run', flags: { nvidia: ['--device', '--gpus'], amd: ['--device'] } },
  { program: 'docker run', flags: { nvidia: ['--gpus', '--runtime'], amd: ['--device'] } },
  // Hooks of the site, or libraries that are in the image.
  { program: 'shifter' },
  { program: 'ch-run' },
  { program: 'enroot start' },
];

/** Programs within which another program runs in a container. */
export const enginePrograms: ReadonlySet<string> = new Set(engines.map(({ program }) => program));

/** Words of scripts and of clusters that only one vendor's GPUs go with. */
export const vendorWords: Readonly<Record<GpuVendor, RegExp>> = {
  amd: /(?:\b|_)(?:rocm|rocr|hip|miopen|rccl|mi[123]\d\d[ax]?)\b|ROCR_VISIBLE|HIP_VISIBLE|MIOPEN_|\brocm[-/\d]/i,
  nvidia:
    /\b(?:cuda|nvidia|a100|a40|a30|h100|h200|gh200|b200|v100|p100|k80|t4|l4|l40s?|rtx\w*)\b|CUDA_|nvidia-smi|\bcuda[-/\d]/i,
};
