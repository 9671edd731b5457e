/** Values in which people write spaces, and what they mean by them. */
import type { OptionSpec } from '../catalogue/option-spec';
import type { OptionUse } from '../reading/directives';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import { checkValue } from '../reading/value-checks';
import { keeping, replace, type OffsetFix } from './fixes';

/** Types whose values have parts between commas. */
const listTypes = new Set(['list', 'mail-type', 'hostlist', 'array', 'gres', 'dependency', 'licenses']);
/** Types that may hold spaces between quotes. */
const textTypes = new Set([
  'text',
  'name',
  'path',
  'log',
  'constraint',
  'list',
  'hostlist',
  'lsf-name',
  'lsf-gpu',
  'lsf-applications',
  'lsf-resources',
]);
/** Types whose values have a unit. */
const unitTypes = new Set(['time', 'memory', 'lsf-time', 'lsf-memory']);
/** Free text: whatever comes after the space belongs to it, as remarks need a `#`. */
const freeText = new Set(['--job-name', '--comment', '-J', '-Jd']);

/** Types of values in which people write spaces. */
export const spacedTypes: ReadonlySet<string> = new Set([...listTypes, ...textTypes, ...unitTypes]);

/** How a value that goes on after a space may be meant, the most likely way first. */
export function continuations(script: Script, { option, value }: OptionUse, written: Span): OffsetFix[] {
  if (!option || !value) return [];
  const raw = script.text.slice(written);
  const fixes: OffsetFix[] = [];
  const add = (newText: string, title: string, certain: boolean): void => {
    if (checkValue(option, newText.replace(/["']/g, '')) || fixes.some(({ edits }) => edits[0]?.newText === newText))
      return;
    const fix = replace(written, newText, title);
    // bsub runs such a script without the options that come after the space; with the fix it has them.
    fixes.push(certain && script.scheduler === 'slurm' ? keeping(fix) : fix);
  };
  if (unitTypes.has(option.type)) {
    const together = raw.replace(/\s+/g, '');
    const wanted = checkValue(option, together)?.replacement ?? together;
    add(wanted, `Change to ${wanted}`, /^\d+[a-z]+$/i.test(together));
  }
  if (listTypes.has(option.type)) {
    const joined = raw
      .split(/\s+/)
      .join(' ')
      .replace(/ ?, ?| (?!%|$)/g, ',')
      .replaceAll(' %', '%');
    add(joined, `Change to ${joined}`, meansList(option, raw, joined));
  }
  if (textTypes.has(option.type)) add(`"${raw.replace(/["']/g, '')}"`, 'Quote the value', freeText.has(option.name));
  return fixes;
}

/** Whether the words can only be parts of one list: there is a comma at each space, or each part is a known one. */
function meansList({ type, values = [] }: OptionSpec, raw: string, joined: string): boolean {
  const parts = joined.split(',');
  if (type === 'mail-type')
    return parts.every((part) => values.some((known) => known.toLowerCase() === part.toLowerCase()));
  if (type === 'array') return parts.every((part) => /^\d[\d:%-]*$/.test(part));
  return !/[^,\s]\s+[^,\s]/.test(raw);
}
