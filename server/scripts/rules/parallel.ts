import type { Invocation } from '../reading/invocations';
import { megabytesOf } from '../reading/values';
import { insert } from './fixes';
import { lastLaunch, nodesOf } from './launches';
import { SLURM, at, hit, links, related, type Rule } from './rule';

/** Rules about steps that run at the same time. */
export const parallelRules: readonly Rule[] = [
  {
    id: 'background-without-wait',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'Work in the background, and a script that does not wait for it',
    why: 'The job ends with its script: whatever runs in the background is killed, often before it begins.',
    remedy: 'End the script with `wait`.',
    link: links.bash,
    fixable: true,
    check: function* (script) {
      const last = lastLaunch(script);
      // What comes after it in the foreground may be what the background work is for.
      if (!last?.command.background || script.running('sbatch').length > 0) return;
      const waits = script.invocations.some(
        ({ program, command }) =>
          /^(?:wait|sleep|tail|while|read)$/.test(program) && command.start > last.command.start,
      );
      if (waits) return;
      const { end } = { end: script.text.text.length };
      const eol = script.text.text.endsWith('\n') ? '' : '\n';
      yield hit({ start: last.name.start, end: last.command.end }, 'Nothing waits for this command: the job ends and kills it', {
        fix: insert(end, `${eol}wait\n`, 'Add wait at the end'),
      }); // prettier-ignore
    },
  },
  {
    id: 'parallel-steps',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'Parallel steps that run one after another',
    why: 'A step gets all CPUs of the job\'s nodes unless it has `--exact`, and all of the job\'s memory unless it has its own `--mem`: the next step waits until the first one ends ("Requested nodes are busy").',
    remedy: 'Give each step its share: `srun --exact --mem=2G --ntasks=1 ... &`.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      if (nodesOf(script) !== 1) return;
      if (['SLURM_EXACT', 'SLURM_OVERLAP', 'SLURM_MEM_PER_NODE', 'SLURM_MEM_PER_CPU'].some((name) => script.shell.variables.has(name))) return; // prettier-ignore
      const steps = script.running('srun').filter(({ command, parent }) => command.background && !parent);
      const [first] = steps;
      if (!first || (steps.length < 2 && first.command.depth === 0)) return;
      const job = script.option('--mem');
      const memory = job?.value && megabytesOf(job.value.text);
      const missing = missingShares(first, Boolean(memory));
      if (!missing.length) return;
      const size = memory ? `${Math.max(1, Math.floor(memory / Math.max(steps.length, tasksOf(script.option('--ntasks')?.value?.text))))}M` : ''; // prettier-ignore
      const added = missing.map((option) => (option === '--mem' ? ` --mem=${size}` : ` ${option}`)).join('');
      yield hit(first.name, `Without ${missing.join(' and ')} the steps run one after another`, {
        related: job && missing.includes('--mem') ? related(at(job), 'The first step takes all of this') : undefined,
        fix: {
          title: `Add${added} to each step`,
          edits: steps.map(({ name }) => ({ start: name.end, end: name.end, newText: added })),
        },
      });
    },
  },
];

/** The options without which a step takes everything; none where a variable may hold them. */
function missingShares({ stepOptions, command }: Invocation, memory: boolean): string[] {
  const names = new Set(stepOptions.map(({ option, spelling }) => option?.name ?? spelling));
  const has = (...wanted: string[]): boolean => wanted.some((name) => names.has(name));
  if (has('--overlap', '--jobid', '--nodelist', '--relative')) return [];
  const words = command.words.slice(1);
  if (words.some(({ raw, text }, i) => text === undefined && /^"?\$/.test(raw) && words[i - 1]?.raw.startsWith('-') !== true && i <= stepOptions.length)) return []; // prettier-ignore
  return [
    ...(has('--exact', '--exclusive', '--cpus-per-task') ? [] : ['--exact']),
    ...(!memory || has('--mem', '--mem-per-cpu', '--mem-per-gpu') ? [] : ['--mem']),
  ];
}

function tasksOf(text: string | undefined): number {
  return /^\d+$/.test(text ?? '') ? Number(text) : 1;
}
