import type { ScriptTemplate } from '../shared/protocol';

/** What a job is for, and what it needs. */
interface Purpose {
  id: string;
  title: string;
  help: string;
  /** Of the job. */
  name: string;
  gpus: boolean;
  hours: number;
  cpus: number;
  /** In GB. */
  memory: number;
  /** Offered with every container engine. */
  engines?: boolean;
  body: string;
}

const purposes: readonly Purpose[] = [
  {
    id: 'generation',
    title: 'Generate images',
    help: '50,000 images from an EDM network in a container, one process per GPU, in a folder named after the commit.',
    name: 'generate',
    gpus: true,
    hours: 24,
    cpus: 4,
    memory: 32,
    engines: true,
    body: `COMMIT=$(git rev-parse --short HEAD)
@RUN@ \\
  torchrun --standalone --nproc_per_node=@GPUS@ \\
    generate.py \\
    --outdir="$COMMIT-images" \\
    --seeds=\${6:0-49999} \\
    --batch=\${7:128} \\
    --steps=\${8:18} \\
    --network=\${9:networks/edm-cifar10-32x32-cond-vp.pkl}
`,
  },
  {
    id: 'fid',
    title: 'Measure FID',
    help: 'Measures the FID of a folder of images against reference statistics.',
    name: 'fid',
    gpus: true,
    hours: 1,
    cpus: 4,
    memory: 16,
    engines: true,
    body: `@RUN@ \\
  torchrun --standalone --nproc_per_node=@GPUS@ \\
    fid.py calc --images=\${6:images} --ref=\${7:fid-refs/cifar10-32x32.npz} --num=50000
`,
  },
  {
    id: 'container-rebuild',
    title: 'Rebuild a container',
    help: 'Converts an archive made by docker save to an Apptainer image. It needs space for temporary files, but no GPU.',
    name: 'docker2apptainer',
    gpus: false,
    hours: 8,
    cpus: 4,
    memory: 16,
    body: `export APPTAINER_TMPDIR="$HOME/tmp"
mkdir -p "$APPTAINER_TMPDIR"

apptainer build ./\${5:edm_latest}.sif docker-archive://"$HOME"/\${5:edm_latest}.tar
`,
  },
  {
    id: 'calibration',
    title: 'Calibrate the batch size',
    help: 'Generates a few images at increasing batch sizes and logs the GPU memory of each, to choose --batch for the real run.',
    name: 'calibrate',
    gpus: true,
    hours: 1,
    cpus: 4,
    memory: 32,
    body: `COMMIT=$(git rev-parse --short HEAD)
for BATCH in \${5:32 64 128 256 512}; do
  nvidia-smi --query-gpu=memory.used --format=csv,noheader --loop=1 > "gpu-$BATCH.log" &
  MONITOR=$!
  @RUN@ \\
    torchrun --standalone --nproc_per_node=@GPUS@ \\
      generate.py --outdir="$COMMIT-calibration" --seeds="0-$((2 * BATCH - 1))" --batch="$BATCH" --steps=2 \\
      --network=\${7:networks/edm-cifar10-32x32-cond-vp.pkl} || break
  kill "$MONITOR"
done
`,
  },
];

/** A way to run a program in a container: what stands before it. */
interface Runner {
  id: string;
  /** As a title has it, after the purpose's. */
  title: string;
  run: string;
  /** Lines before it. */
  before?: string;
}

/** Where the image is chosen; placeholders of a snippet are ordered by their numbers. */
const image = (name: string): string => `\${20:${name}}`;
/** `srun` of Slurm 22.05 and 23.02 gives a task one CPU without it. */
const allCpus = 'export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"\n';

const apptainer: Runner = {
  id: 'apptainer',
  title: '',
  run: `apptainer exec \${21|--nv,--rocm|} --bind "$PWD" ./${image('edm_latest.sif')}`,
};

/** The engines of Slurm sites that have no Apptainer. */
const otherRunners: readonly Runner[] = [
  {
    id: 'pyxis',
    title: ' (pyxis)',
    run: `srun --container-image=${image('./edm_latest.sqsh')} --container-mounts="$PWD:$PWD" --container-workdir="$PWD"`,
    before: allCpus,
  },
  {
    id: 'podman-hpc',
    title: ' (podman-hpc)',
    run: `podman-hpc run --rm --gpu --ipc=host -v "$PWD:$PWD" -w "$PWD" ${image('edm:latest')}`,
  },
  {
    id: 'charliecloud',
    title: ' (Charliecloud)',
    run: `ch-run --write-fake --bind="$PWD" --cd="$PWD" ${image('./edm_latest.sqfs')} --`,
  },
  { id: 'cscs', title: ' (container engine of CSCS)', run: `srun --environment=${image('edm')}`, before: allCpus },
];

/** The templates: each purpose for each scheduler, those that run in a container also with other engines. */
export const templates: readonly ScriptTemplate[] = purposes.flatMap((purpose) => [
  ...[apptainer, ...(purpose.engines ? otherRunners : [])].map((runner) => ({
    id: `slurm-${purpose.id}${runner === apptainer ? '' : `-${runner.id}`}`,
    title: purpose.title + runner.title,
    scheduler: 'slurm' as const,
    help: purpose.help,
    snippet: slurmScript(purpose, runner),
  })),
  {
    id: `lsf-${purpose.id}`,
    title: purpose.title,
    scheduler: 'lsf' as const,
    help: purpose.help,
    snippet: lsfScript(purpose),
  },
]);

/** A template as plain text, with every placeholder replaced by its default, or its first choice. */
export function templateText(template: ScriptTemplate): string {
  return template.snippet
    .replace(/\$\{\d+:([^}]*)\}/g, '$1')
    .replace(/\$\{\d+\|([^}]*)\}/g, (_, choices: string) => choices.split(/[,|]/, 1)[0] ?? '')
    .replace(/\\\$/g, '$')
    .replace(/\\\\/g, '\\');
}

function slurmScript({ name, gpus, hours, cpus, memory, body }: Purpose, runner: Runner): string {
  return `#!/bin/bash
#SBATCH --job-name=\${1:${name}}
#SBATCH --account=\${2:account}
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=${cpus}
${gpus ? '#SBATCH --gres=gpu:${3:1}\n' : ''}#SBATCH --mem=${memory}G
#SBATCH --time=\${4:${String(hours).padStart(2, '0')}:00:00}
#SBATCH --output=%x-%j.out

${escapeBody(body, runner)}`;
}

function lsfScript({ name, gpus, hours, cpus, memory, body }: Purpose): string {
  return `#!/bin/bash
#BSUB -J \${1:${name}}
#BSUB -P \${2:project}
#BSUB -n ${cpus}
#BSUB -R "span[hosts=1] rusage[mem=${memory}GB]"
${gpus ? '#BSUB -gpu "num=${3:1}:mode=exclusive_process"\n' : ''}#BSUB -W \${4:${hours}:00}
#BSUB -o ${name}-%J.out

${escapeBody(body, apptainer)}`;
}

/** Escapes the shell's dollars and backslashes for the snippet; the placeholders stay. */
function escapeBody(body: string, { run, before = '' }: Runner): string {
  return (before + body)
    .replaceAll('@RUN@', () => run)
    .replace(/\\/g, '\\\\')
    .replace(/\$(?!\{\d+[:|])/g, '\\$')
    .replace(/@GPUS@/g, '${3:1}');
}
