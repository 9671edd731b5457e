/** What can be written inside bsub's -R, -gpu and -a, at the cursor and without touching what stands after it. */
import { esubApplications } from './catalogue/esub-applications';
import { gpuKeys } from './reading/lsf-gpu';
import { readApplications } from './reading/lsf-applications';
import { sectionNames, sectionWords, type SectionName } from './reading/lsf-sections';

/** One proposal for a place inside a value. */
export interface PartCompletion {
  label: string;
  /** Text for the cursor's place; `$1` is where the cursor goes on. */
  insert: string;
  documentation?: string;
}

/** Proposals, and how many characters before the cursor they replace. */
export interface PartCompletions {
  typed: number;
  proposals: PartCompletion[];
}

/** What each section is for. */
export const sectionHelp: Readonly<Record<SectionName, string>> = {
  select: 'Conditions that a host must meet.',
  order: 'Which hosts come first.',
  rusage: 'What the job reserves.',
  span: 'How the slots are spread over hosts.',
  same: 'What the hosts of a job have in common.',
  cu: 'How the job is placed in compute units.',
  affinity: 'Cores for each slot, and what tasks are bound to.',
};
/** Amounts that are usual for memory. */
const amounts = ['4GB', '8GB', '16GB', '32GB', '64GB'];

/**
 * Proposals inside a resource requirement.
 * @param before the value up to the cursor, without its opening quote
 * @param after what stands after the cursor on the line
 */
export function completeRequirement(before: string, after: string): PartCompletions {
  const open = before.lastIndexOf('[');
  const name = open > before.lastIndexOf(']') ? /(?<![A-Za-z])[A-Za-z]+$/.exec(before.slice(0, open))?.[0] : undefined;
  const section = sectionNames.find((known) => known === name);
  if (section) return inSection(section, before.slice(open + 1), after);
  const typed = /(?<![A-Za-z])[A-Za-z]*$/.exec(before)?.[0] ?? '';
  const used = new Set([...`${before} ${after}`.matchAll(/(?<!\w)([a-z]+)\[/g)].map(([, word]) => word));
  const bracket = after.startsWith('[');
  // Between sections there is a space; the first one needs none.
  const gap = typed === '' && /[\])}]$/.test(before) ? ' ' : '';
  const proposals = sectionNames
    .filter((one) => !used.has(one) || bracket)
    .map((one) => ({ label: `${one}[]`, insert: `${gap}${one}${bracket ? '' : '[$1]'}`, documentation: sectionHelp[one] })); // prettier-ignore
  return { typed: typed.length, proposals };
}

function inSection(section: SectionName, body: string, after: string): PartCompletions {
  const words = sectionWords[section];
  const value = /(?<!\w)(\w+)[ \t]*=[ \t]*([\w.]*)$/.exec(section === 'select' ? '' : body.slice(-80));
  if (value) {
    const [, key = '', typed = ''] = value;
    const values = words.find(({ word }) => word === key)?.values ?? (/^(?:mem|swp|tmp)$/.test(key) ? amounts : []);
    return { typed: typed.length, proposals: values.map((label) => ({ label, insert: label })) };
  }
  const typed = /(?<!\w)\w*$/.exec(body)?.[0] ?? '';
  // A list of names has each of them once, also after the cursor.
  const isList = section === 'order' || section === 'same';
  const around = isList
    ? `${body.slice(0, body.length - typed.length)}:${after.replace(/^\w+/, '').split(']', 1)[0] ?? ''}`
    : body;
  const used = new Set([...around.matchAll(isList ? /(?<!\w)(\w+)/g : /(?<!\w)(\w+)\s*[=(]/g)].map(([, word]) => word));
  const free = words.filter(({ word }) => !used.has(word) || section === 'select');
  return {
    typed: typed.length,
    proposals: free.map(({ word, help }) => ({
      label: word,
      insert: word + sign(section, word, after),
      documentation: help,
    })),
  };
}

/** What belongs after a word of a section, where it is not there already. */
function sign(section: SectionName, word: string, after: string): string {
  if (/^\s*[=><(]/.test(after) || section === 'order' || section === 'same') return '';
  if (section === 'select') return '';
  if (section === 'affinity' && !sectionWords.affinity.find((one) => one.word === word)?.values) return '($1)';
  return /^(?:stripe|balance|excl)$/.test(word) ? '' : '=';
}

/** Proposals inside a GPU requirement; `before` and `after` as for `completeRequirement`. */
export function completeGpu(before: string, after: string): PartCompletions {
  const term = before.slice(before.lastIndexOf(':') + 1);
  const equals = term.indexOf('=');
  if (equals >= 0) {
    const typed = term.slice(equals + 1).trimStart();
    const values = gpuKeys.find(({ key }) => key === term.slice(0, equals).trim())?.values ?? [];
    return { typed: typed.length, proposals: values.map((label) => ({ label, insert: label })) };
  }
  const typed = term.trimStart();
  const used = new Set([...`${before}:${after}`.matchAll(/(?<!\w)(\w+)[ \t]*=/g)].map(([, key]) => key));
  const more = after.startsWith('=');
  return {
    typed: typed.length,
    proposals: gpuKeys
      .filter(({ key }) => !used.has(key) || more)
      .map(({ key, help }) => ({ label: key, insert: more ? key : `${key}=`, documentation: help })),
  };
}

/** Proposals among the applications of -a; `before` and `after` as for `completeRequirement`. None within arguments. */
export function completeApplications(before: string, after: string): PartCompletions {
  const typed = /(?<!\S)[\w-]*$/.exec(before)?.[0];
  if (typed === undefined || before.lastIndexOf('(') > before.lastIndexOf(')')) return { typed: 0, proposals: [] };
  const { applications } = readApplications(`${before.slice(0, before.length - typed.length)} ${after.split(/["']/, 1)[0] ?? ''}`); // prettier-ignore
  const used = new Set(applications.map(({ name }) => name.text));
  return {
    typed: typed.length,
    proposals: esubApplications
      .filter(({ name }) => !used.has(name))
      .map(({ name, meta, help }) => ({
        label: name,
        insert: meta === undefined || after.startsWith('(') ? name : `${name}($1)`,
        documentation: help,
      })),
  };
}
