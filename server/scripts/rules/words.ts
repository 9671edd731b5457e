import { optionNamed } from '../catalogue/options';
import type { OptionUse } from '../reading/directives';
import type { BatchScript } from '../reading/script';
import type { OffsetEdit } from './rule';

/** The long option that a word with one dash spells, such as `-time`. */
export function singleDash(use: OptionUse, text: string): string | undefined {
  if (!/^-[A-Za-z]$/.test(use.spelling)) return undefined;
  const word = /^-[a-z][a-z-]*(?==|\s|$)/.exec(text.slice(use.start, use.start + 40))?.[0];
  return word && word.length > 3 && optionNamed('slurm', `-${word}`) ? word : undefined;
}

/** A message shows at most this much of a value. */
export function shorten(value: string): string {
  const clean = value.replace(/\s+/g, ' ').trim();
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}

/** Removes an option: its whole line where it stands alone, else the words. */
export function removalOf({ text, directives }: BatchScript, use: OptionUse): OffsetEdit {
  const alone = directives.options.filter(({ line }) => line === use.line).length === 1;
  if (!alone) return { start: use.start, end: use.value?.end ?? use.end, newText: '' };
  const removal = text.lineRemoval(use.line);
  return { start: text.offsetAt(removal.start), end: text.offsetAt(removal.end), newText: '' };
}
