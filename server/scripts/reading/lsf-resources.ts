/** What the -R options of a script say together. */
import type { OptionUse } from './directives';
import type { LsfProblem, Part } from './lsf-problem';
import { readRequirement } from './lsf-requirement';
import { termsOf, type SectionName, type Term } from './lsf-sections';
import type { Script } from './script';

/** One section of one -R. */
export interface SectionUse {
  use: OptionUse;
  name: SectionName;
  body: Part;
  terms: Term[];
}

/** The sections of every -R, in the order of the text: LSF combines them. */
export function sectionsOf(script: Script): SectionUse[] {
  return script.uses('-R').flatMap((use) => {
    const text = use.value?.text ?? '';
    return readRequirement(text).sections.map(({ name, body }) => ({ use, name, body, terms: termsOf(name, text, body) })); // prettier-ignore
  });
}

/** What LSF refuses in one -R. */
export function errorsOf(use: OptionUse): LsfProblem[] {
  return readRequirement(use.value?.text ?? '').problems.filter(({ severity }) => severity === undefined);
}

/** An amount that rusage reserves, and the option that says so. */
export interface Reservation {
  use: OptionUse;
  amount: Part;
}

/** What the -R options of a script reserve of one resource, in the order of the text. */
export function reservations(script: Script, resource: string): Reservation[] {
  return sectionsOf(script)
    .filter(({ name }) => name === 'rusage')
    .flatMap(({ use, terms }) => terms.map(({ name, value }) => ({ use, name, amount: value })))
    .filter(({ name, amount }) => name.text === resource && amount.text !== '')
    .map(({ use, amount }) => ({ use, amount }));
}

/** The number that span[...] gives to a word; undefined where it gives none. */
export function spanOf(script: Script, word: 'hosts' | 'ptile'): number | undefined {
  const value = sectionsOf(script)
    .filter(({ name }) => name === 'span')
    .flatMap(({ terms }) => terms)
    .findLast(({ name }) => name.text === word)?.value.text;
  return /^\d+$/.test(value ?? '') ? Number(value) : undefined;
}

/** Cores of each slot, where affinity[core(n)] says so and nothing else. */
export function coresOf(script: Script): number | undefined {
  const body = sectionsOf(script).findLast(({ name }) => name === 'affinity')?.body.text ?? '';
  const count = /^core(?:\((\d+)\))?$/.exec(body.replace(/\s/g, ''));
  return count ? Number(count[1] ?? 1) : undefined;
}

/** Slots that -n asks for: the fewest and the most; undefined without -n. */
export function slotsOf(script: Script): { least: number; most: number; use: OptionUse } | undefined {
  const use = script.option('-n');
  const [, least, most] = /^(\d+)(?:,(\d+))?$/.exec(use?.value?.text ?? '') ?? [];
  return use && least !== undefined ? { least: Number(least), most: Number(most ?? least), use } : undefined;
}
