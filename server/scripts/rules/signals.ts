import { launchesOf, startsScripts } from './launches';
import { SLURM, hit, links, related, type Rule } from './rule';
import type { Invocation } from '../reading/invocations';
import type { Script } from '../reading/script';

/** Rules about the signal before the time limit, and what becomes of it. */
export const signalRules: readonly Rule[] = [
  {
    id: 'signal-to-nobody',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A signal that nobody gets',
    why: 'Without `B:` the signal of --signal goes to the steps that srun started. A script without srun has none: the program is killed at the time limit without a word.',
    remedy: 'Start the program with srun.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const value = script.option('--signal')?.value;
      if (!value || /^R?B/i.test(value.text)) return;
      const [launch] = launchesOf(script);
      if (!launch || script.running('srun', 'mpirun', 'mpiexec', 'trap').length || startsScripts(script)) return;
      yield hit(value, 'No step gets this signal, because the script does not use srun', {
        related: related({ start: launch.name.start, end: launch.command.end }, 'This is not a step'),
        fix: {
          title: 'Start the program with srun',
          edits: [{ start: launch.name.start, end: launch.name.start, newText: 'srun ' }],
        },
      });
    },
  },
  {
    id: 'trap-waits',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A trap that runs only after the program',
    why: 'The shell runs a trap when the program in the foreground has ended. Until then the signal waits, and the time limit comes first.',
    remedy: 'Start the program in the background and wait for it: `python train.py &` and then `wait`.',
    link: links.bash,
    fixable: true,
    check: function* (script) {
      const signal = script.option('--signal')?.value;
      const name = /^R?B?R?:?(?:SIG)?([A-Z0-9]+)/i.exec(signal?.text ?? '')?.[1]?.toUpperCase();
      if (!signal || !/^R?B/i.test(signal.text) || name === undefined) return;
      const trap = script
        .running('trap')
        .find(({ operands }) =>
          operands.slice(1).some((word) => word.text?.toUpperCase().replace(/^SIG/, '') === name),
        );
      const program = trap && foreground(script, trap.command.end);
      if (!trap || !program) return;
      const { command } = program;
      const eol = script.text.lines[0]?.eol || '\n';
      yield hit({ start: program.name.start, end: command.end }, `The trap for ${name} runs only after this program ends`, {
        related: related({ start: trap.name.start, end: trap.command.end }, 'The trap'),
        fix: command.depth > 0 ? undefined : { title: 'Start it in the background, and wait for it', edits: [{ start: command.end, end: command.end, newText: ` &${eol}wait $!` }] }, // prettier-ignore
      }); // prettier-ignore
    },
  },
];

/** The last program after an offset that the shell waits for; undefined where all are in the background, or it is exec'd. */
function foreground(script: Script, after: number): Invocation | undefined {
  if (script.running('wait').some(({ command }) => command.start > after)) return undefined;
  return launchesOf(script).findLast(({ command }) => command.start > after && !command.background && !command.piped);
}
