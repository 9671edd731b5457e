/** Every launcher and program below the directives whose options are known. */
import { apptainerPrograms } from './apptainer-options';
import { enginePrograms } from './engine-options';
import { edm2Programs } from './edm2-programs';
import { edmPrograms } from './edm-programs';
import type { Program, ProgramOption } from './program-option';
import { torchPrograms } from './torch-programs';

/** By `Program.program`. */
export const programs: ReadonlyMap<string, Program> = new Map(
  [...apptainerPrograms, ...enginePrograms, ...torchPrograms, ...edmPrograms, ...edm2Programs].map((one) => [
    one.program,
    one,
  ]),
);

/** Names of a program's options as `LaunchOption.name` has them: without dashes in front, `-` for `_`. */
export function launchNames(program: string, takesValue: boolean): string[] {
  const options = programs.get(program)?.options ?? [];
  return options
    .filter(({ meta }) => (meta !== undefined) === takesValue)
    .flatMap(({ name, aliases = [] }) => [name, ...aliases])
    .map((name) => name.replace(/^--?/, '').replaceAll('_', '-'));
}

/** The options of each list by all of their spellings: scripts have tens of thousands of them. */
const spelled = new WeakMap<readonly ProgramOption[], ReadonlyMap<string, ProgramOption>>();

/** The option of that spelling, dashes included. */
export function optionSpelled(options: readonly ProgramOption[], spelling: string): ProgramOption | undefined {
  let known = spelled.get(options);
  if (!known) {
    known = new Map(
      options.flatMap((option) => [option.name, ...(option.aliases ?? [])].map((name) => [name, option])),
    );
    spelled.set(options, known);
  }
  return known.get(spelling);
}
