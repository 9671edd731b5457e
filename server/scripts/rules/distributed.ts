import { optionOf, optionSpan, runsUnder, type Invocation, type LaunchOption } from '../reading/invocations';
import { resourcesOf } from '../reading/resources';
import type { Script } from '../reading/script';
import { enclosing, nodesOf } from './launches';
import { SLURM, at, counted, hit, links, related, type Hit, type Rule } from './rule';
import { replace } from './fixes';

const starterNames = ['srun', 'mpirun', 'mpiexec', 'pdsh', 'ssh', 'parallel', 'clush'];
const starters = new RegExp(`^(?:${starterNames.join('|')})$`);
const local = /^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[?::1\]?)(?::|$)/;
/** Asks each node for its own name or address. */
const ownName = /\$\(\s*(?:hostname|uname -n)\b|`\s*hostname\b|\$\{?HOSTNAME\b|\$\{?SLURMD_NODENAME\b/;

/** Rules about programs that run on several GPUs or nodes together. */
export const distributedRules: readonly Rule[] = [
  {
    id: 'rendezvous',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'Processes on several nodes that do not find each other',
    why: 'With `--standalone`, or with localhost as the address, each node waits for itself or trains a model of its own: the job hangs, or does the same work several times.',
    remedy:
      'Let all nodes meet at the first one: `--rdzv_backend=c10d --rdzv_endpoint="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n1):29500"`.',
    link: links.torchrun,
    fixable: false,
    check: function* (script) {
      const nodes = nodesOf(script);
      if (nodes === undefined || nodes < 2) return;
      for (const torchrun of script.running('torchrun')) yield* meeting(script, torchrun, nodes);
      yield* masterAddress(script, nodes);
    },
  },
  {
    id: 'launcher-on-one-node',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A launcher that runs on the first node only',
    why: 'The script runs on the first node. Without srun (or mpirun, ssh) nothing starts on the others: the launcher waits for them until it gives up, while they are paid for.',
    remedy: 'Start it with srun, one task on each node: `srun --ntasks-per-node=1 torchrun ...`.',
    link: links.torchrun,
    fixable: false,
    check: function* (script) {
      const use = script.option('--nodes');
      const nodes = nodesOf(script);
      if (nodes === undefined || nodes < 2 || !use) return;
      for (const launcher of script.running('torchrun', 'accelerate launch')) {
        const { command, name, program } = launcher;
        if (runsUnder(launcher, starters) || enclosing(script, command, starterNames)) continue;
        if (command.background && command.depth > 0) continue;
        const own = optionOf(launcher, 'nnodes', 'num-machines')?.value;
        const message = own === '1' ? `${program} uses one of the ${nodes} nodes` : `${program} starts on the first of ${nodes} nodes only`; // prettier-ignore
        yield hit(name, message, { related: related(at(use), 'Nodes are asked for here') });
      }
    },
  },
  {
    id: 'launcher-in-every-task',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A launcher in every task',
    why: 'srun starts one copy of the program for each task. A launcher such as torchrun starts the processes of a node itself, so it belongs into one task per node; otherwise several launchers fight for the same GPUs and ports.',
    remedy: 'Use one task per node (`--ntasks-per-node=1`) with torchrun, or no torchrun.',
    link: links.torchrun,
    fixable: true,
    check: function* (script) {
      if (!script.running('srun').length) return;
      const { tasksPerNode } = resourcesOf(script);
      for (const launcher of script.running('torchrun', 'accelerate launch', 'deepspeed')) {
        const srun = runsUnder(launcher, 'srun') ?? enclosing(script, launcher.command, ['srun']);
        if (!srun) continue;
        const tasks = tasksOf(srun, tasksPerNode.count);
        const processes = optionOf(launcher, 'nproc-per-node', 'num-processes', 'num-gpus');
        if (tasks === undefined || tasks < 2 || processes?.value === '1') continue;
        const each = /^\d+$/.test(processes?.value ?? '') ? ` with ${counted(Number(processes?.value), 'process', 'processes')} each` : ''; // prettier-ignore
        const use = tasksPerNode.use;
        yield hit(launcher.name, `srun starts ${tasks} ${launcher.program}s on a node${each}`, {
          related: use && related(at(use), 'Tasks are asked for here'),
          fix: use?.option?.name === '--ntasks-per-node' && use.value ? replace(use.value, '1', 'Ask for one task per node') : undefined, // prettier-ignore
        });
      }
    },
  },
  {
    id: 'fixed-port',
    severity: 'hint',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A fixed port on a node that others share',
    why: 'Two jobs on one node cannot listen on the same port: the second one ends with "address already in use".',
    remedy: 'Derive the port from the job: `$((10000 + SLURM_JOB_ID % 50000))`.',
    link: links.torchrun,
    fixable: true,
    check: function* (script) {
      if (script.option('--exclusive') || (nodesOf(script) ?? 2) > 1) return;
      const port = '$((10000 + SLURM_JOB_ID % 50000))';
      for (const option of script.inInvocations(fixedPort)) {
        if (option.valueStart === undefined || option.valueEnd === undefined) continue;
        yield hit(optionSpan(option), `Another job on the node may use port ${option.value}`, {
          fix: replace({ start: option.valueStart, end: option.valueEnd }, port, `Change to ${port}`),
        });
      }
    },
  },
];

/** The option of torchrun that sets a port, where it is a number. */
function fixedPort(invocation: Invocation): LaunchOption | undefined {
  const option = invocation.program === 'torchrun' ? optionOf(invocation, 'master-port') : undefined;
  return /^\d+$/.test(option?.value ?? '') && option?.value !== '0' ? option : undefined;
}

/** What is wrong with how the launchers of several nodes meet. */
function* meeting(script: Script, torchrun: Invocation, nodes: number): Generator<Hit> {
  const standalone = optionOf(torchrun, 'standalone');
  const others = optionOf(torchrun, 'rdzv-endpoint', 'master-addr');
  const many = optionOf(torchrun, 'nnodes')?.value !== '1';
  const srun = runsUnder(torchrun, starters) ?? enclosing(script, torchrun.command, starterNames);
  if (standalone) {
    // A step on one node of several is a run of its own.
    if (srun && optionOf(srun, 'nodes', 'N')?.value === '1') return;
    if (srun) yield hit(optionSpan(standalone), `With --standalone each of the ${nodes} nodes is its own master`);
    return;
  }
  if (!others) return;
  const raw = script.text.text.slice(others.valueStart ?? others.word.start, others.valueEnd ?? others.word.end);
  if (many && others.value !== undefined && local.test(others.value))
    yield hit(optionSpan(others), `With ${others.value} each of the ${nodes} nodes is its own master`);
  else if (many && ownName.test(raw) && enclosing(script, torchrun.command, ['srun']))
    yield hit(optionSpan(others), `Each of the ${nodes} nodes takes its own name for the master's`);
}

/** MASTER_ADDR that is another one on each node. */
function* masterAddress(script: Script, nodes: number): Generator<Hit> {
  if (!script.running('srun', 'mpirun', 'mpiexec').length) return;
  for (const { name, value, start, end } of script.shell.assignments) {
    if (name !== 'MASTER_ADDR') continue;
    const place = { start, end };
    if (value.text !== undefined && local.test(value.text))
      yield hit(place, `With ${value.text} each of the ${nodes} nodes is its own master`);
    else if (ownName.test(value.raw) && enclosing(script, { start, end } as Invocation['command'], ['srun']))
      yield hit(place, `Each of the ${nodes} nodes takes its own name for the master's`);
  }
}

/** Tasks of a step on each node; undefined where it cannot be told. */
function tasksOf(srun: Invocation, fallback: number): number | undefined {
  const own = srun.stepOptions.filter(
    ({ option }) => option && /^--(?:ntasks|ntasks-per-node|nodes)$/.test(option.name),
  );
  if (!own.length) return fallback;
  const perNode = own.find(({ option }) => option?.name === '--ntasks-per-node')?.value?.text;
  if (perNode !== undefined) return /^\d+$/.test(perNode) ? Number(perNode) : undefined;
  const tasks = own.find(({ option }) => option?.name === '--ntasks');
  const nodes = own.find(({ option }) => option?.name === '--nodes');
  if (!tasks) return undefined;
  const [n, k] = [Number(tasks.value?.text), nodes ? Number(nodes.value?.text) : 1];
  return Number.isInteger(n) && Number.isInteger(k) && k > 0 && n === 1 ? 1 : undefined;
}
