import type { SchedulerName } from '../../shared/scheduler-name';
import { editDistance } from '../../suggest';
import { isSlip, meantBy } from './meant-names';
import { lsfOptions } from './lsf-options';
import type { OptionSpec } from './option-spec';
import { pluginOptions } from './plugin-options';
import { commandOptions, type SlurmCommand } from './step-options';

/** Which option a name in a script stands for. */
export type OptionMatch =
  | { kind: 'exact'; option: OptionSpec }
  /** A shortened long option, which GNU getopt allows if only one option begins with it. */
  | { kind: 'abbreviated'; option: OptionSpec }
  | { kind: 'ambiguous'; candidates: OptionSpec[]; meant?: OptionSpec }
  /** `read`: the option with one letter as which bsub reads it, with the rest of the word as its value. */
  | { kind: 'unknown'; suggestion?: OptionSpec; read?: OptionSpec };

/** The options of one of Slurm's commands by their long names and by their letters. */
interface OptionTable {
  long: ReadonlyMap<string, OptionSpec>;
  short: ReadonlyMap<string, OptionSpec>;
}

function tableOf(options: readonly OptionSpec[]): OptionTable {
  return {
    long: new Map(options.flatMap((option) => [option.name, ...(option.aliases ?? [])].map((name) => [name, option]))),
    short: new Map(options.flatMap((option) => (option.short ? [[option.short, option]] : []))),
  };
}

const tables: Readonly<Record<SlurmCommand, OptionTable>> = {
  sbatch: tableOf(commandOptions.sbatch),
  srun: tableOf(commandOptions.srun),
  salloc: tableOf(commandOptions.salloc),
};
const lsfNames = new Map<string, OptionSpec>();
for (const option of lsfOptions)
  for (const name of [option.name, ...(option.aliases ?? [])]) lsfNames.set(name, option);

/** The option of a scheduler, or of another command of Slurm, by its exact name (`--gres`, `-G`, `-gpu`). */
export function optionNamed(of: SchedulerName | SlurmCommand, name: string): OptionSpec | undefined {
  if (of === 'lsf') return lsfNames.get(name);
  const { long, short } = tables[of === 'slurm' ? 'sbatch' : of];
  return long.get(name) ?? short.get(name) ?? pluginOptions.get(name);
}

/** All options of a scheduler or command, in alphabetical order of their names. */
export function optionsOf(of: SchedulerName | SlurmCommand): readonly OptionSpec[] {
  return of === 'lsf' ? lsfOptions : commandOptions[of === 'slurm' ? 'sbatch' : of];
}

/**
 * Finds a long option of a command as getopt_long does: exact, or an abbreviation that fits only one option. An
 * abbreviation that became ambiguous in a newer release still counts if Slurm 22.05 has only one such option.
 */
export function matchLongOption(name: string, command: SlurmCommand = 'sbatch'): OptionMatch {
  const { long: names, short } = tables[command];
  const exact = names.get(name) ?? pluginOptions.get(name);
  if (exact) return { kind: 'exact', option: exact };
  const candidates =
    name.length > 2
      ? [...new Set([...names].filter(([long]) => long.startsWith(name)).map(([, option]) => option))]
      : [];
  const first = candidates[0];
  if (first && candidates.length === 1) return { kind: 'abbreviated', option: first };
  if (candidates.length > 1) {
    const original = candidates.filter(({ since = '' }) => since <= '22.05');
    return original.length === 1 && original[0]
      ? { kind: 'abbreviated', option: original[0] }
      : { kind: 'ambiguous', candidates, meant: names.get(meantBy('slurm', name.slice(2)) ?? '') };
  }
  return { kind: 'unknown', suggestion: suggest('slurm', name, names, short) };
}

/** The short option of a command for one letter. */
export function shortOption(letter: string, command: SlurmCommand = 'sbatch'): OptionSpec | undefined {
  return tables[command].short.get(`-${letter}`);
}

/** Finds an option of bsub: its whole name, or one letter with the value attached (`-n4`). */
export function matchLsfOption(token: string): { match: OptionMatch; nameLength: number } {
  const exact = lsfNames.get(token);
  if (exact) return { match: { kind: 'exact', option: exact }, nameLength: token.length };
  const letter = lsfNames.get(token.slice(0, 2));
  if (letter && letter.argument !== 'none' && /^-[A-Za-z](\d|["'/%]|$)/.test(token))
    return { match: { kind: 'exact', option: letter }, nameLength: 2 };
  const suggestion = suggest('lsf', token, lsfNames);
  // `-qnormal`: bsub takes what comes after the letter as the value. Where another option was meant, that is no help.
  const read = letter && letter.argument !== 'none' && /^-[A-Za-z]/.test(token) ? letter : undefined;
  if (read && !suggestion) return { match: { kind: 'exact', option: read }, nameLength: 2 };
  return { match: { kind: 'unknown', suggestion, ...(read && { read }) }, nameLength: token.length };
}

/** The option in `names` that is probably meant by `written`: what the name means comes before how it is spelled. */
function suggest(
  scheduler: SchedulerName,
  written: string,
  names: ReadonlyMap<string, OptionSpec>,
  short: ReadonlyMap<string, OptionSpec> = new Map(),
): OptionSpec | undefined {
  // `--N 2`: a short option with one dash too many.
  const single = /^--([A-Za-z])$/.exec(written)?.[1];
  if (single !== undefined) return short.get(`-${single}`);
  const plain = written.toLowerCase().replace(/_/g, '-').replace(/^-*/, '');
  if (plain.length < 2 || plain.length > 40) return undefined;
  const meant = names.get(meantBy(scheduler, plain) ?? '');
  if (meant) return meant;
  let best: OptionSpec | undefined;
  let bestDistance = Math.min(3, Math.floor(plain.length / 3) + 1);
  for (const [name, option] of names) {
    const other = name.toLowerCase().replace(/^-*/, '');
    const distance = editDistance(plain, other, bestDistance);
    if (distance < bestDistance && isSlip(plain, other)) {
      best = option;
      bestDistance = distance;
    }
  }
  return best;
}
