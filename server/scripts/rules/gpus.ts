import { optionOf, runsUnder, type Invocation, type LaunchOption } from '../reading/invocations';
import { resourcesOf } from '../reading/resources';
import type { BatchScript } from '../reading/script';
import { BOTH, links, type Hit, type OffsetFix, type Rule } from './rule';

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

/** Rules about the GPUs that are asked for and those that are used. */
export const gpuRules: readonly Rule[] = [
  {
    id: 'gpu-count',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'GPUs asked for in one place and used in another do not agree',
    why: 'The number of GPUs stands in two places, the directive and the launcher. Too few in the launcher leaves paid GPUs idle; too many ends with "invalid device ordinal".',
    remedy: 'Write the same number in both places.',
    link: links.torchrun,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode, nodes } = resourcesOf(script);
      if (!gpusPerNode?.use) return;
      const wanted = gpusPerNode.count;
      const launches = script.invocations.flatMap((invocation) => launched(invocation));
      // Several launchers in the background share the GPUs: only their sum can be judged.
      const sharing = launches.filter(({ invocation }) => invocation.command.background && !visibleTo(invocation));
      const shared = sharing.length > 1 ? sharing.reduce((sum, { count }) => sum + count, 0) : undefined;
      for (const { invocation, option, count, total } of launches) {
        if (visibleTo(invocation) || stepGpus(invocation)) continue;
        const available = total ? wanted * nodes.count : wanted;
        const used = shared !== undefined && sharing.some((other) => other.invocation === invocation) ? shared : count;
        if (used === available || option.valueStart === undefined || option.valueEnd === undefined) continue;
        const asked = `${gpusPerNode.use.spelling}${gpusPerNode.use.spelling.startsWith('--') ? '=' : ' '}${gpusPerNode.use.value?.text ?? ''}`;
        yield {
          start: option.word.start,
          end: option.valueEnd,
          message:
            used < available
              ? `${used} of the ${available} GPUs asked for by ${asked} ${used === 1 ? 'is' : 'are'} used`
              : `${used} processes for the ${available} GPU${available === 1 ? '' : 's'} asked for by ${asked}`,
          ...(used === count && {
            fix: {
              title: `Start ${available} process${available === 1 ? '' : 'es'}`,
              edits: [{ start: option.valueStart, end: option.valueEnd, newText: String(available) }],
            },
          }),
          alternatives: used === count && !total ? askFor(script, count) : [],
          related: [
            {
              start: gpusPerNode.use.start,
              end: gpusPerNode.use.value?.end ?? gpusPerNode.use.end,
              message: 'GPUs are asked for here',
            },
          ],
        };
      }
    },
  },
  {
    id: 'gpu-step-count',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A step asks for more GPUs than the job has',
    why: 'srun waits for ever or fails with "Requested node configuration is not available".',
    remedy: 'Ask for as many in the directive, or fewer in srun.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode } = resourcesOf(script);
      if (!gpusPerNode?.use) return;
      for (const invocation of script.running('srun')) {
        const option = optionOf(invocation, 'gres', 'gpus-per-node', 'gpus', 'G');
        const count = option?.value === undefined ? undefined : countIn(option.value);
        if (
          !option ||
          count === undefined ||
          option.name === 'gpus' ||
          option.name === 'G' ||
          count <= gpusPerNode.count
        )
          continue;
        yield {
          start: option.word.start,
          end: option.valueEnd ?? option.word.end,
          message: `srun asks for ${count} GPUs on a node, the job for ${gpusPerNode.count}`,
          related: [
            {
              start: gpusPerNode.use.start,
              end: gpusPerNode.use.value?.end ?? gpusPerNode.use.end,
              message: 'GPUs of the job',
            },
          ],
          ...(option.valueStart !== undefined &&
            option.valueEnd !== undefined &&
            option.value !== undefined && {
              fix: {
                title: `Change to ${gpusPerNode.count}`,
                edits: [
                  {
                    start: option.valueStart,
                    end: option.valueEnd,
                    newText: option.value.replace(/\d+$/, String(gpusPerNode.count)),
                  },
                ],
              },
            }),
        };
      }
    },
  },
  {
    id: 'gpu-visible',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'CUDA_VISIBLE_DEVICES does not fit the job',
    why: 'The scheduler sets it to the GPUs of the job. Setting it again hides some of them, or names GPUs the job does not have.',
    remedy: 'Leave it to the scheduler, or name as many GPUs as are asked for.',
    link: links.gres,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode } = resourcesOf(script);
      if (!gpusPerNode?.use) return;
      for (const { name, value, start, end } of script.shell.assignments) {
        if (name !== 'CUDA_VISIBLE_DEVICES' || value.text === undefined || !/^\d+(?:,\d+)*$/.test(value.text)) continue;
        const count = value.text.split(',').length;
        if (count === gpusPerNode.count) continue;
        const devices = Array.from({ length: gpusPerNode.count }, (_, i) => i).join(',');
        yield {
          start,
          end,
          message: `CUDA_VISIBLE_DEVICES names ${count} GPU${count === 1 ? '' : 's'}, ${gpusPerNode.count} ${gpusPerNode.count === 1 ? 'is' : 'are'} asked for`,
          fix: { title: `Change to ${devices}`, edits: [{ start: value.start, end: value.end, newText: devices }] },
          related: [
            {
              start: gpusPerNode.use.start,
              end: gpusPerNode.use.value?.end ?? gpusPerNode.use.end,
              message: 'GPUs are asked for here',
            },
          ],
        };
      }
    },
  },
  {
    id: 'gpu-idle',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'Several GPUs, but one process',
    why: 'generate.py and fid.py use one GPU per process; without torchrun the others stay idle.',
    remedy: 'Start it with `torchrun --standalone --nproc_per_node=N`, or ask for one GPU.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      const { gpusPerNode, tasksPerNode } = resourcesOf(script);
      if (!gpusPerNode?.use || gpusPerNode.count < 2 || tasksPerNode.count > 1) return;
      for (const invocation of script.running('generate.py', 'fid.py')) {
        if (
          runsUnder(invocation, /^(?:torchrun|mpirun|mpiexec|accelerate launch|deepspeed|srun)$/) ||
          invocation.command.background ||
          invocation.command.depth > 0
        )
          continue;
        const python = invocation.parent?.program === 'python' ? invocation.parent : undefined;
        yield {
          start: python?.name.start ?? invocation.name.start,
          end: invocation.name.end,
          message: `One process uses one of the ${gpusPerNode.count} GPUs asked for`,
          ...(python &&
            python.options.length === 0 && {
              fix: {
                title: `Start ${gpusPerNode.count} processes with torchrun`,
                edits: [
                  {
                    start: python.name.start,
                    end: python.name.end,
                    newText: `torchrun --standalone --nproc_per_node=${gpusPerNode.count}`,
                  },
                ],
              },
            }),
          alternatives: askFor(script, 1),
          related: [
            {
              start: gpusPerNode.use.start,
              end: gpusPerNode.use.value?.end ?? gpusPerNode.use.end,
              message: 'GPUs are asked for here',
            },
          ],
        };
      }
    },
  },
  {
    id: 'gpu-missing',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'GPU programs in a job without GPUs',
    why: 'torchrun and `apptainer exec --nv` find no GPU in a job that asked for none.',
    remedy: 'Ask for GPUs: `#SBATCH --gres=gpu:1`, or `#BSUB -gpu "num=1"`.',
    link: links.gres,
    fixable: true,
    check: function* (script) {
      if (resourcesOf(script).gpu || !script.directives.lines.some((directive) => !directive.late)) return;
      const user = script.invocations.find(
        (invocation) =>
          ((invocation.program === 'apptainer exec' || invocation.program === 'apptainer run') &&
            optionOf(invocation, 'nv', 'nvccli', 'rocm')) ||
          launched(invocation).some(({ count }) => count > 0) ||
          invocation.program === 'nvidia-smi',
      );
      if (!user || script.directives.lines.some((directive) => directive.separator)) return;
      // What srun or salloc ask for on their own line counts as well.
      if (
        script
          .running('srun')
          .some((invocation) => optionOf(invocation, 'gres', 'gpus', 'G', 'gpus-per-node', 'gpus-per-task'))
      )
        return;
      const { offset, before, after } = script.directiveInsertion;
      const count = Math.max(1, ...launched(user).map((launch) => launch.count));
      const directive = script.scheduler === 'slurm' ? `#SBATCH --gres=gpu:${count}` : `#BSUB -gpu "num=${count}"`;
      yield {
        start: user.name.start,
        end: user.name.end,
        message: `${user.program} wants a GPU, and the job asks for none`,
        fix: {
          title: `Add ${directive}`,
          edits: [{ start: offset, end: offset, newText: `${before}${directive}${after}` }],
        },
      };
    },
  },
  {
    id: 'gpu-unused',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A GPU for work that needs none',
    why: 'Building a container takes hours of CPU and disk; the GPU stays reserved and idle, and the job waits longer for it.',
    remedy: 'Remove the GPU, unless the only partition that runs the job requires one.',
    link: links.gres,
    fixable: true,
    check: function* (script) {
      const { gpu } = resourcesOf(script);
      if (!gpu) return;
      if (!script.running('apptainer build', 'apptainer pull').length) return;
      const others = script.invocations.some(
        ({ program }) =>
          !/^(?:apptainer (?:build|pull)|srun|time|nice|export|echo|mkdir|cd|rm|mv|cp|ls|date|module|ml|source|\.|set|trap|umask|du|df|test|\[|exit|hostname|sync|chmod|true|:)$/.test(
            program,
          ),
      );
      if (others) return;
      const removal = script.text.lineRemoval(gpu.line);
      const alone = script.directives.options.filter(({ line }) => line === gpu.line).length === 1;
      yield {
        start: gpu.start,
        end: gpu.value?.end ?? gpu.end,
        message: 'The job only builds a container, which uses no GPU',
        ...(alone && {
          alternatives: [
            {
              title: 'Remove the GPU',
              edits: [
                { start: script.text.offsetAt(removal.start), end: script.text.offsetAt(removal.end), newText: '' },
              ],
            },
          ],
        }),
      };
    },
  },
];

/** Whether a program is one of the two EDM scripts that drive a single GPU. */
export function edmScript({ program }: Invocation): 'generate.py' | 'fid.py' | undefined {
  return program === 'generate.py' || program === 'fid.py' ? program : undefined;
}

interface Launch {
  invocation: Invocation;
  option: LaunchOption;
  count: number;
  /** The number is for all nodes together. */
  total: boolean;
}

/** The places of an invocation that say how many GPUs it uses. */
function launched(invocation: Invocation): Launch[] {
  const isScript = invocation.program.endsWith('.py') || invocation.program === 'python';
  const wanted = processOptions.get(invocation.program) ?? (isScript ? gpuOptions : []);
  const option = wanted.length ? optionOf(invocation, ...wanted) : undefined;
  // `gpu`, `auto` and variables the script does not set fit whatever the job gets.
  if (!option || !digits.test(option.value ?? '')) return [];
  const multiNode = invocation.program === 'torchrun' && Number(optionOf(invocation, 'nnodes')?.value ?? 1) > 1;
  return [
    {
      invocation,
      option,
      count: Number(option.value),
      total: invocation.program === 'accelerate launch' && !multiNode,
    },
  ];
}

/** GPUs that `CUDA_VISIBLE_DEVICES=...` before the command leaves visible. */
function visibleTo(invocation: Invocation): boolean {
  return invocation.command.assignments.some(({ name }) => name === 'CUDA_VISIBLE_DEVICES');
}

/** Whether srun gives the step GPUs of its own. */
function stepGpus(invocation: Invocation): boolean {
  const srun = runsUnder(invocation, 'srun');
  return srun !== undefined && optionOf(srun, 'gres', 'gpus', 'G', 'gpus-per-node', 'gpus-per-task') !== undefined;
}

function countIn(value: string): number | undefined {
  const match = /(?:^|:)(\d+)$/.exec(value);
  return match ? Number(match[1]) : undefined;
}

/** The directive changed to ask for `count` GPUs on a node. */
function askFor(script: BatchScript, count: number): OffsetFix[] {
  const { gpusPerNode, nodes, tasksPerNode } = resourcesOf(script);
  const value = gpusPerNode?.use?.value;
  if (!value || !gpusPerNode || count < 1) return [];
  const raw = script.text.text.slice(value.start, value.end);
  const name = gpusPerNode.use?.option?.name;
  const factor =
    name === '--gpus' ? count * nodes.count : name === '--gpus-per-task' ? count / tasksPerNode.count : count;
  if (!Number.isInteger(factor) || raw.includes(',')) return [];
  const newText =
    name === '-gpu'
      ? raw.replace(/num=\d+/, `num=${factor}`)
      : name === '-R'
        ? raw
        : /\d+(["']?)$/.test(raw)
          ? raw.replace(/\d+(["']?)$/, `${factor}$1`)
          : `${raw}:${factor}`;
  return newText === raw
    ? []
    : [
        {
          title: `Ask for ${count} GPU${count === 1 ? '' : 's'} on a node`,
          edits: [{ start: value.start, end: value.end, newText }],
        },
      ];
}

export type { Hit };
