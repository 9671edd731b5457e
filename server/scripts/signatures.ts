/** What the parts of a value with a grammar of its own mean, and which of them the cursor is in. */
import { sectionHelp } from './lsf-completion';
import { gpuKeys } from './reading/lsf-gpu';
import { sectionNames, sectionWords } from './reading/lsf-sections';
import type { Scopes } from './scopes';
import { scopeAt } from './scopes';

/** A value's form with its parts. */
export interface Signature {
  label: string;
  documentation: string;
  /** The parts as stretches of the label, each with what it means. */
  parts: { span: [start: number, end: number]; documentation: string }[];
  /** Index of the part that the cursor is in; undefined where it is in none that is known. */
  active: number | undefined;
}

/** What stands before and after the cursor in a value: options whose values have a grammar. */
const ofOption: Readonly<Record<string, (before: string, after: string) => Signature>> = {
  '--gres': gresSignature,
  '-R': requirementSignature,
  '-gpu': gpuSignature,
};

/** The signature at an offset of the whole text; undefined outside such values. */
export function signatureAt(scopes: Scopes, offset: number): Signature | undefined {
  const scope = scopeAt(scopes, offset);
  if (!scope) return undefined;
  const { script, outer } = scope;
  const steps = script.scheduler === 'slurm' ? script.running('srun', 'salloc', 'sbatch').flatMap(({ stepOptions }) => stepOptions) : []; // prettier-ignore
  for (const { option, value, end } of [...script.activeOptions, ...steps]) {
    const read = option && Object.hasOwn(ofOption, option.name) ? ofOption[option.name] : undefined;
    if (!read) continue;
    // A value that is still empty begins after the option.
    const span = outer(value ?? { start: end, end: end + 1 });
    if (offset < span.start || offset > span.end) continue;
    const before = scopes.text.slice({ start: span.start, end: offset }).replace(/^=?["']?/, '');
    return read(before, scopes.text.slice({ start: offset, end: Math.max(offset, span.end) }));
  }
  return undefined;
}

/** Puts a label together from parts and what stands between them. */
function signature(
  documentation: string,
  active: number | undefined,
  pieces: readonly (string | readonly [string, string])[],
): Signature {
  // prettier-ignore
  let label = '';
  const parts: Signature['parts'] = [];
  for (const piece of pieces) {
    const [text, help] = typeof piece === 'string' ? [piece, undefined] : piece;
    if (help !== undefined) parts.push({ span: [label.length, label.length + text.length], documentation: help });
    label += text;
  }
  return { label, documentation, parts, active };
}

function gresSignature(before: string, after: string): Signature {
  const [, ...rest] = before.slice(before.lastIndexOf(',') + 1).split(/[:=]/);
  const last = (rest.at(-1) ?? '') + (/^\w*/.exec(after)?.[0] ?? '');
  // The type may be left out: after the name a number is the count.
  const active = rest.length === 0 ? 0 : rest.length > 1 || /^\d/.test(last) ? 2 : 1;
  return signature('Generic resources on each node; several are joined with commas.', active, [
    '--gres=',
    ['name', 'What it is, as the site calls it: gpu, shard, mps, nvme, ...'],
    '[',
    [':type', 'Which kind, as `sinfo -o %G` shows it: a100, v100, ... Without it, any.'],
    '][',
    [':count', 'How many on each node; 1 where it is left out.'],
    '][,...]',
  ]);
}

function requirementSignature(before: string): Signature {
  const open = before.lastIndexOf('[');
  const inside = open > before.lastIndexOf(']');
  const word = /(?<![a-z])[a-z]+$/.exec(inside ? before.slice(0, open) : before)?.[0] ?? '';
  const section = sectionNames.find((name) => name === word);
  if (inside && section) {
    const words = sectionWords[section];
    const key = /^\s*(\w+)/.exec(
      before
        .slice(open + 1)
        .split(/[:,&|]/)
        .pop() ?? '',
    )?.[1];
    const at = words.findIndex((one) => one.word === key || (key !== undefined && one.word.startsWith(key)));
    const separator = section === 'span' ? ' | ' : section === 'select' ? ' && ' : ':';
    const pieces = words.flatMap((one, i) => [...(i > 0 ? [separator] : []), [one.word, one.help] as const]);
    return signature(sectionHelp[section], at < 0 ? undefined : at, [`${section}[`, ...pieces, ']']);
  }
  const at = sectionNames.findIndex((name) => word !== '' && name.startsWith(word));
  const pieces = sectionNames.flatMap((name, i) => [
    ...(i > 0 ? [' '] : []),
    [`${name}[]`, sectionHelp[name]] as const,
  ]);
  return signature('Resource requirement of the job: sections, each at most once.', at < 0 ? undefined : at, pieces);
}

function gpuSignature(before: string): Signature {
  const key = /^\s*(\w*)/.exec(before.slice(before.lastIndexOf(':') + 1))?.[1] ?? '';
  const at = gpuKeys.findIndex((one) => key !== '' && one.key.startsWith(key));
  const pieces = gpuKeys.flatMap(({ key: name, help, values }, i) => [
    ...(i > 0 ? [':'] : []),
    [`${name}=${values?.join('|') ?? 'n'}`, help] as const,
  ]);
  return signature('GPUs of the job: parts joined with colons.', at < 0 ? undefined : at, ['-gpu "', ...pieces, '"']);
}
