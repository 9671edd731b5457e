import { engines, imagePrograms, vendorWords } from '../catalogue/engines';
import { optionOf, optionSpan, runsUnder, valueSpan, type Invocation, type LaunchOption } from '../reading/invocations';
import { resourcesOf } from '../reading/resources';
import type { Script } from '../reading/script';
import { addDirective, isAlone, removeOption, replace, type OffsetFix } from './fixes';
import { BOTH, at, counted, hit, links, related, type Rule } from './rule';

/** Options that give a launcher the number of processes, one for each GPU. */
const processOptions = new Map<string, readonly string[]>(
  Object.entries({
    torchrun: ['nproc-per-node'],
    'accelerate launch': ['num-processes'],
    deepspeed: ['num-gpus'],
  }),
);

const digits = /^\d+$/;
/** Options of training scripts that count GPUs (StyleGAN, Lightning and others). */
const gpuOptions = ['gpus', 'num-gpus', 'ngpus', 'n-gpus', 'devices'];
/** Options with which srun asks for GPUs of its own. */
const stepGpuOptions = ['gres', 'gpus', 'G', 'gpus-per-node', 'gpus-per-task'];
/** Programs of a job that only builds a container. */
const withoutGpu =
  /^(?:srun|time|nice|export|echo|mkdir|cd|rm|mv|cp|ls|date|module|ml|source|\.|set|trap|umask|du|df|test|\[|exit|hostname|sync|chmod|true|:)$/;

/** Rules about the GPUs that are asked for and those that are used. */
export const gpuRules: readonly Rule[] = [
  {
    id: 'gpu-count',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'The number of GPUs asked for is not the number used',
    why: 'The number of GPUs is in two places, the directive and the launcher. If the launcher has fewer, some GPUs are paid for but idle; if it has more, the job ends with "invalid device ordinal".',
    remedy: 'Write the same number in both places.',
    link: links.torchrun,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode, nodes } = resourcesOf(script);
      if (!gpusPerNode?.use) return;
      const { spelling, value: written } = gpusPerNode.use;
      const asked = `${spelling}${spelling.startsWith('--') ? '=' : ' '}${written?.text ?? ''}`;
      const launches = script.inInvocations(launched);
      // Several launchers in the background share the GPUs: only their sum can be judged.
      const sharing = launches.filter((launch) => launch.invocation.command.background && !launch.setsVisible);
      const sharers = new Set(sharing.map(({ invocation }) => invocation));
      const shared = sharing.length > 1 ? sharing.reduce((sum, { count }) => sum + count, 0) : undefined;
      for (const { invocation, option, count, total, ...own } of launches) {
        if (own.setsVisible || own.isOwnStep) continue;
        const available = total ? gpusPerNode.count * nodes.count : gpusPerNode.count;
        const used = shared !== undefined && sharers.has(invocation) ? shared : count;
        if (used === available) continue;
        const value = valueSpan(option);
        if (!value) continue;
        const message =
          used < available
            ? `${used} of the ${available} GPUs asked for by ${asked} ${used === 1 ? 'is' : 'are'} used`
            : `${used} processes for the ${counted(available, 'GPU')} asked for by ${asked}`;
        yield hit(optionSpan(option), message, {
          fix:
            used === count
              ? replace(value, String(available), `Start ${counted(available, 'process', 'processes')}`)
              : undefined,
          alternatives: used === count && !total ? askFor(script, count) : [],
          related: related(at(gpusPerNode.use), 'GPUs are asked for here'),
        });
      }
    },
  },
  {
    id: 'gpu-step-count',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A step asks for more GPUs than the job has',
    why: 'srun waits forever or fails with "Requested node configuration is not available".',
    remedy: 'Ask for as many in the directive, or for fewer in srun.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode } = resourcesOf(script);
      if (!gpusPerNode?.use) return;
      for (const invocation of script.running('srun')) {
        const option = optionOf(invocation, 'gres', 'gpus-per-node', 'gpus', 'G');
        // --gpus counts over all nodes of the step.
        if (!option?.value || option.name === 'gpus' || option.name === 'G') continue;
        const count = countIn(option.value);
        if (count === undefined || count <= gpusPerNode.count) continue;
        const value = valueSpan(option);
        const newText = option.value.replace(/(?<!\d)\d+$/, String(gpusPerNode.count));
        yield hit(optionSpan(option), `srun asks for ${count} GPUs on a node, the job for ${gpusPerNode.count}`, {
          fix: value && replace(value, newText, `Change to ${gpusPerNode.count}`),
          related: related(at(gpusPerNode.use), 'GPUs of the job'),
        });
      }
    },
  },
  {
    id: 'gpu-visible',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: "CUDA_VISIBLE_DEVICES does not match the job's GPUs",
    why: 'The scheduler sets it to the GPUs of the job. Setting it again hides some of them, or names GPUs that the job does not have.',
    remedy: 'Leave it to the scheduler, or name as many GPUs as you ask for.',
    link: links.gres,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode } = resourcesOf(script);
      if (!gpusPerNode?.use) return;
      for (const assignment of script.shell.assignments) {
        const { name, value } = assignment;
        if (name !== 'CUDA_VISIBLE_DEVICES' || value.text === undefined || !/^\d+(?:,\d+)*$/.test(value.text)) continue;
        const count = value.text.split(',').length;
        if (count === gpusPerNode.count) continue;
        const devices = Array.from({ length: gpusPerNode.count }, (_, i) => i).join(',');
        yield hit(
          { start: assignment.start, end: assignment.end },
          `CUDA_VISIBLE_DEVICES names ${counted(count, 'GPU')}, but the job asks for ${gpusPerNode.count}`,
          {
            fix: replace(value, devices),
            related: related(at(gpusPerNode.use), 'GPUs are asked for here'),
          },
        );
      }
    },
  },
  {
    id: 'gpu-idle',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'Several GPUs, but only one process',
    why: 'generate.py and fid.py use one GPU per process; without torchrun the other GPUs stay idle.',
    remedy: 'Start it with `torchrun --standalone --nproc_per_node=N`, or ask for one GPU.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode, tasksPerNode } = resourcesOf(script);
      if (!gpusPerNode?.use || gpusPerNode.count < 2 || tasksPerNode.count > 1) return;
      for (const invocation of script.inInvocations(single)) {
        const python = invocation.parent?.program === 'python' ? invocation.parent : undefined;
        yield hit(
          { start: (python ?? invocation).name.start, end: invocation.name.end },
          `A single process uses only one of the ${gpusPerNode.count} GPUs asked for`,
          {
            fix:
              python?.options.length === 0
                ? replace(
                    python.name,
                    `torchrun --standalone --nproc_per_node=${gpusPerNode.count}`,
                    `Start ${gpusPerNode.count} processes with torchrun`,
                  )
                : undefined,
            alternatives: askFor(script, 1),
            related: related(at(gpusPerNode.use), 'GPUs are asked for here'),
          },
        );
      }
    },
  },
  {
    id: 'gpu-missing',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'GPU programs in a job without GPUs',
    why: 'torchrun, and a container with `--nv` or `--gpu`, find no GPU in a job that does not ask for one.',
    remedy: 'Ask for GPUs: `#SBATCH --gres=gpu:1`, or `#BSUB -gpu "num=1"`.',
    link: links.gres,
    fixable: true,
    check: function* (script) {
      if (resourcesOf(script).gpu || !script.activeLines.length) return;
      const [user] = [...script.inInvocations(usingGpu), ...script.inInvocations(withGpuFlag)];
      if (!user || script.directives.lines.some((directive) => directive.separator)) return;
      // What srun asks for on its own line counts as well.
      if (script.running('srun').some((invocation) => optionOf(invocation, ...stepGpuOptions))) return;
      // Partitions are named by what they have: one of CPUs is meant so, one of GPUs may give them unasked.
      const partition = script.option('--partition', '-q')?.value?.text ?? '';
      if (/cpu/i.test(partition)) return;
      const count = Math.max(1, launched(user)?.count ?? 1);
      const flag = gpuFlag(user);
      const message = flag === undefined ? `${user.program} needs a GPU, but the job asks for none` : `${flag} shows the job's GPUs to the container, but the job asks for none`; // prettier-ignore
      yield hit(user.name, message, {
        // A container runs without GPUs too, and they may be asked for where the job is submitted.
        severity:
          flag !== undefined || vendorWords.nvidia.test(partition) || /gpu|dgx/i.test(partition) ? 'info' : undefined,
        fix: addDirective(
          script,
          script.scheduler === 'slurm' ? `#SBATCH --gres=gpu:${count}` : `#BSUB -gpu "num=${count}"`,
        ),
      });
    },
  },
  {
    id: 'gpu-unused',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A GPU for work that needs none',
    why: 'Building a container takes hours of CPU and disk time. The GPU is reserved but idle all the while, and the job waits longer for it.',
    remedy: 'Remove the GPU, unless the only partition that runs the job requires one.',
    link: links.gres,
    fixable: true,
    check: function* (script) {
      const { gpu } = resourcesOf(script);
      if (!gpu || !script.running(...imagePrograms).length) return;
      if (script.invocations.some(({ program }) => !withoutGpu.test(program) && !imagePrograms.has(program))) return;
      yield hit(at(gpu), 'The job only builds a container, which uses no GPU', {
        alternatives: isAlone(script, gpu) ? [removeOption(script, gpu, 'Remove the GPU')] : [],
      });
    },
  },
];

/** The option with which a container is to see GPUs. */
function gpuFlag(invocation: Invocation): string | undefined {
  const flags = engines.find(({ program }) => program === invocation.program)?.flags;
  // --device may be any device.
  const names = [...(flags?.nvidia ?? []), ...(flags?.amd ?? [])].filter((name) => name !== '--device' && name !== '--runtime');
  const found = names.length > 0 ? optionOf(invocation, ...names.map((name) => name.slice(2))) : undefined;
  return found && `--${found.name}`;
} // prettier-ignore

interface Launch {
  invocation: Invocation;
  option: LaunchOption;
  count: number;
  /** Whether the number is for all nodes together. */
  total: boolean;
  /** Whether it chooses its GPUs itself, by `CUDA_VISIBLE_DEVICES` or as a step that asks for its own. */
  setsVisible: boolean;
  isOwnStep: boolean;
}

/** The options of an invocation that say how many GPUs it uses. */
function launched(invocation: Invocation): Launch | undefined {
  const isScript = invocation.program.endsWith('.py') || invocation.program === 'python';
  const wanted = processOptions.get(invocation.program) ?? (isScript ? gpuOptions : []);
  const option = wanted.length ? optionOf(invocation, ...wanted) : undefined;
  // `gpu`, `auto` and variables that the script does not set match whatever the job gets.
  if (!option || !digits.test(option.value ?? '')) return undefined;
  const multiNode = invocation.program === 'torchrun' && Number(optionOf(invocation, 'nnodes')?.value ?? 1) > 1;
  return {
    invocation,
    option,
    count: Number(option.value),
    total: invocation.program === 'accelerate launch' && !multiNode,
    setsVisible: setsVisible(invocation),
    isOwnStep: stepGpus(invocation),
  };
}

/** An invocation that needs a GPU. */
function usingGpu(invocation: Invocation): Invocation | undefined {
  return (launched(invocation)?.count ?? 0) > 0 || invocation.program === 'nvidia-smi' ? invocation : undefined;
}

/** A container that is given GPUs. */
function withGpuFlag(invocation: Invocation): Invocation | undefined {
  return gpuFlag(invocation) === undefined ? undefined : invocation;
}

/** generate.py or fid.py as a single process of the script itself. */
function single(invocation: Invocation): Invocation | undefined {
  const { program, command } = invocation;
  if (program !== 'generate.py' && program !== 'fid.py') return undefined;
  if (command.background || command.depth > 0) return undefined;
  return runsUnder(invocation, /^(?:torchrun|mpirun|mpiexec|accelerate launch|deepspeed|srun)$/)
    ? undefined
    : invocation;
}

/** Whether `CUDA_VISIBLE_DEVICES=...` before the command chooses its GPUs. */
function setsVisible(invocation: Invocation): boolean {
  return invocation.command.assignments.some(({ name }) => name === 'CUDA_VISIBLE_DEVICES');
}

/** Whether srun asks for GPUs for the step alone. */
function stepGpus(invocation: Invocation): boolean {
  const srun = runsUnder(invocation, 'srun');
  return srun !== undefined && optionOf(srun, ...stepGpuOptions) !== undefined;
}

/** The number at the end of `gpu:a100:2`. */
function countIn(value: string): number | undefined {
  const match = /(?:^|:)(\d+)$/.exec(value);
  return match ? Number(match[1]) : undefined;
}

/** The fix that makes the directive ask for `count` GPUs on a node; none where that cannot be written as one number. */
function askFor(script: Script, count: number): OffsetFix[] {
  const { gpusPerNode, nodes, tasksPerNode } = resourcesOf(script);
  const value = gpusPerNode?.use?.value;
  if (!value || !gpusPerNode || count < 1) return [];
  const raw = script.text.slice(value);
  const name = gpusPerNode.use?.option?.name;
  const factor =
    name === '--gpus' ? count * nodes.count : name === '--gpus-per-task' ? count / tasksPerNode.count : count;
  if (!Number.isInteger(factor) || raw.includes(',')) return [];
  const newText =
    name === '-gpu'
      ? raw.replace(/num=\d+/, `num=${factor}`)
      : name === '-R'
        ? raw
        : /(?<!\d)\d+(["']?)$/.test(raw)
          ? raw.replace(/(?<!\d)\d+(["']?)$/, `${factor}$1`)
          : `${raw}:${factor}`;
  return newText === raw ? [] : [replace(value, newText, `Ask for ${counted(count, 'GPU')} on a node`)];
}
