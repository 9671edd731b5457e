import type { OptionUse } from '../reading/directives';
import { gpuCount, gresGpus } from '../reading/resources';
import type { Script } from '../reading/script';
import { SLURM, at, hit, links, related, type Hit, type Rule } from './rule';

/** What one component of a job asks for; a number that is not there or cannot be read is undefined. */
interface Asked {
  uses: ReadonlyMap<string, OptionUse>;
  gpus?: number;
  perNode?: number;
  perTask?: number;
  tasks?: number;
  tasksPerNode?: number;
  tasksPerGpu?: number;
  /** Least and most nodes. */
  nodes?: readonly [number, number];
}

/** Two amounts that sbatch 22.05 compares (`gres_job_state_validate`), and what is wrong with them. */
interface Contradiction {
  /** The option that is marked, and the one it does not fit. */
  options: readonly [string, string];
  wrong: (asked: Asked) => string | undefined;
}

const perNodeOption = '--gpus-per-node';

const contradictions: readonly Contradiction[] = [
  {
    options: [perNodeOption, '--gpus'],
    wrong: ({ gpus, perNode }) => (gpus && perNode && gpus % perNode ? `${gpus} GPUs cannot be ${perNode} on each node` : undefined), // prettier-ignore
  },
  {
    options: ['--gpus-per-task', '--gpus'],
    wrong: ({ gpus, perTask }) => (gpus && perTask && gpus % perTask ? `${gpus} GPUs cannot be ${perTask} for each task` : undefined), // prettier-ignore
  },
  {
    options: ['--gpus-per-task', '--gpus'],
    wrong: ({ gpus, perTask, tasks }) =>
      gpus && perTask && tasks && gpus % perTask === 0 && gpus / perTask !== tasks
        ? `${tasks} tasks with ${perTask} each make ${tasks * perTask} GPUs, not ${gpus}`
        : undefined,
  },
  {
    options: ['--gpus-per-task', perNodeOption],
    wrong: ({ perNode, perTask }) => (perNode && perTask && perNode % perTask ? `${perNode} GPUs on a node cannot be ${perTask} for each task` : undefined), // prettier-ignore
  },
  {
    options: ['--gpus-per-task', perNodeOption],
    wrong: ({ perNode, perTask, tasksPerNode }) =>
      perNode && perTask && tasksPerNode && perNode % perTask === 0 && perNode / perTask !== tasksPerNode
        ? `${tasksPerNode} tasks on a node with ${perTask} each make ${tasksPerNode * perTask} GPUs, not ${perNode}`
        : undefined,
  },
  {
    options: [perNodeOption, '--gpus'],
    wrong: ({ gpus, perNode, nodes }) => {
      if (!gpus || !perNode || !nodes || gpus % perNode) return undefined;
      const needed = gpus / perNode;
      return needed < nodes[0] || needed > nodes[1] ? `${gpus} GPUs with ${perNode} on each node need ${needed} nodes` : undefined; // prettier-ignore
    },
  },
  {
    options: ['--ntasks-per-gpu', '--ntasks'],
    wrong: ({ uses, tasks, tasksPerGpu }) => (!asksForGpus(uses) && tasks && tasksPerGpu && tasks % tasksPerGpu ? `${tasks} tasks cannot be ${tasksPerGpu} on each GPU` : undefined), // prettier-ignore
  },
];

/** Options that mean nothing without others, and the others. */
const incomplete: readonly { option: string; needs: string; missing: (asked: Asked) => boolean }[] = [
  {
    option: '--mem-per-gpu',
    needs: 'GPUs (--gpus, --gpus-per-node or --gres)',
    missing: ({ uses }) => !asksForGpus(uses),
  },
  {
    option: '--ntasks-per-gpu',
    needs: 'GPUs (--gpus, --gpus-per-node or --gres), or --ntasks',
    missing: ({ uses }) => !asksForGpus(uses) && !['--ntasks', '--nodes'].some((name) => uses.has(name)),
  },
  {
    option: '--gpus-per-task',
    needs: '--ntasks or --gpus',
    missing: ({ uses }) => !['--gpus', '--ntasks', '--nodes', '--ntasks-per-node'].some((name) => uses.has(name)),
  },
];

const gpuOptions = ['--gpus', '--gpus-per-node', '--gpus-per-task', '--gpus-per-socket'];

function asksForGpus(uses: ReadonlyMap<string, OptionUse>): boolean {
  return gpuOptions.some((name) => uses.has(name)) || /gpu/i.test(uses.get('--gres')?.value?.text ?? '');
}

/** Rules about the amounts of GPUs and tasks, which have to agree. */
export const gpuAmountRules: readonly Rule[] = [
  {
    id: 'gpu-amounts',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'Amounts of GPUs and tasks that do not agree',
    why: 'sbatch refuses a job whose GPUs cannot be divided as it says ("Failed to validate job spec"), or that has amounts per GPU but no GPU.',
    remedy: 'Say each amount once, or make the numbers agree.',
    link: links.gres,
    fixable: false,
    check: function* (script) {
      for (const component of script.components) yield* contradicting(asked(script, component));
    },
  },
];

function* contradicting(all: Asked): Generator<Hit> {
  const find = (name: string): OptionUse | undefined =>
    all.uses.get(name) ?? (name === perNodeOption ? all.uses.get('--gres') : undefined);
  for (const { option, needs, missing } of incomplete) {
    const use = all.uses.get(option);
    if (use && missing(all)) yield hit(at(use), `${use.spelling} needs ${needs}`);
  }
  for (const { options, wrong } of contradictions) {
    const [marked, other] = options.map(find);
    const message = wrong(all);
    if (!marked || !message) continue;
    yield hit(at(marked), message, { related: other && related(at(other), 'The other amount') });
    return;
  }
}

function asked(script: Script, component: number): Asked {
  const uses = new Map<string, OptionUse>();
  for (const use of script.activeOptions)
    if (use.component === component && use.option && use.value) uses.set(use.option.name, use);
  const whole = (name: string): number | undefined => {
    const text = uses.get(name)?.value?.text ?? '';
    return /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const counted = (name: string): number | undefined => gpuCount(uses.get(name)?.value?.text ?? '');
  const range = /^(\d+)(?:-(\d+))?$/.exec(uses.get('--nodes')?.value?.text ?? '');
  return {
    uses,
    gpus: counted('--gpus'),
    perNode: counted('--gpus-per-node') ?? gresGpus(uses.get('--gres')?.value?.text ?? ''),
    perTask: counted('--gpus-per-task'),
    tasks: whole('--ntasks'),
    tasksPerNode: whole('--ntasks-per-node'),
    tasksPerGpu: whole('--ntasks-per-gpu'),
    nodes: range ? [Number(range[1]), Number(range[2] ?? range[1])] : undefined,
  };
}
