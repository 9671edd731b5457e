/** What starts the work of a job: the launches of a script, for the rules about distributed runs, steps and signals. */
import { enginePrograms } from '../catalogue/engines';
import type { Invocation } from '../reading/invocations';
import { perScript, type Script } from '../reading/script';
import type { ShellCommand } from '../reading/shell-command';

/** Programs that run for long: whatever comes after them waits. */
const long =
  /^(?:python|torchrun|accelerate launch|deepspeed|srun|mpirun|mpiexec|jsrun|blaunch|.*\.py|julia|matlab|Rscript)$/;
/** Programs that may start anything, so that nothing can be said about what they start. */
const opaque = /^(?:bash|sh|zsh|ksh|source|\.|eval|make|parallel|xargs|nextflow|snakemake|.*\.sh|\.\/.*)$/;

/** Whether an invocation is one of a launcher, a container or a Python program. */
export function isLaunch({ program }: Invocation): boolean {
  return long.test(program) || enginePrograms.has(program);
}

/** The commands that run for long, in order, each by its outermost program. */
export function launchesOf(script: Script): Invocation[] {
  const seen = new Set<ShellCommand>();
  return script.invocations.filter((invocation) => {
    if (seen.has(invocation.command) || !counts(invocation)) return false;
    seen.add(invocation.command);
    return true;
  });
}

/** The last command that runs for long; found from the end, as scripts may be long. */
export function lastLaunch(script: Script): Invocation | undefined {
  return script.invocations.findLast((invocation) => !invocation.parent && counts(invocation));
}

function counts(invocation: Invocation): boolean {
  // Asking Python for a value is no work.
  return isLaunch(invocation) && !/^(?:-c|--version|-V)$/.test(invocation.command.words[1]?.raw ?? '');
}

/** Whether the script starts other scripts, which may do anything. */
export function startsScripts(script: Script): boolean {
  return script.invocations.some(
    ({ program, name, parent }) =>
      !parent && (opaque.test(program) || opaque.test(name.raw) || name.text === undefined),
  );
}

/** For each script, the commands of some programs in the order of the text: looked up again and again. */
const starters = perScript(() => new Map<string, readonly Invocation[]>());

/** The invocation of one of some programs whose words hold a command, as `srun bash -c "..."` does. */
export function enclosing(
  script: Script,
  { start, end }: ShellCommand,
  programs: readonly string[],
): Invocation | undefined {
  const known = starters(script);
  const key = programs.join(' ');
  const sorted = known.get(key) ?? [...script.running(...programs)].sort((a, b) => a.command.start - b.command.start);
  known.set(key, sorted);
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.command.start ?? Infinity) < start) low = middle + 1;
    else high = middle;
  }
  // Commands do not overlap; strings within strings nest at most three deep.
  return sorted
    .slice(Math.max(0, low - 4), low)
    .findLast(({ command }) => command.words.some((word) => word.start < start && end <= word.end));
}

/** The number of nodes that a job asks for; undefined where that is not certain. */
export function nodesOf(script: Script): number | undefined {
  const text = script.option('--nodes')?.value?.text;
  if (text === undefined) return 1;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
