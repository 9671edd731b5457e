/** What starts the work of a job: the launches of a script, for the rules about distributed runs, steps and signals. */
import { enginePrograms } from '../catalogue/engines';
import type { Invocation } from '../reading/invocations';
import type { Script } from '../reading/script';
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
    if (seen.has(invocation.command) || !isLaunch(invocation)) return false;
    seen.add(invocation.command);
    return !/^(?:python -c|python --version)/.test(invocation.command.words.map(({ raw }) => raw).join(' '));
  });
}

/** Whether the script starts other scripts, which may do anything. */
export function startsScripts(script: Script): boolean {
  return script.invocations.some(
    ({ program, name, parent }) =>
      !parent && (opaque.test(program) || opaque.test(name.raw) || name.text === undefined),
  );
}

/** The invocation of `program` whose words hold a command, as `srun bash -c "..."` does. */
export function enclosing(script: Script, { start, end }: ShellCommand, program: RegExp): Invocation | undefined {
  return script.invocations.find(
    (invocation) =>
      program.test(invocation.program) &&
      invocation.command.words.some((word) => word.start < start && end <= word.end),
  );
}

/** The number of nodes that a job asks for; undefined where that is not certain. */
export function nodesOf(script: Script): number | undefined {
  const text = script.option('--nodes')?.value?.text;
  if (text === undefined) return 1;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
