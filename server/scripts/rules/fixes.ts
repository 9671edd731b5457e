/** The changes that rules offer, by offsets; they become positions when the finding is made. */
import type { OptionUse } from '../reading/directives';
import type { Script } from '../reading/script';
import type { ScriptText, Span } from '../reading/text';

/** Replaces a stretch by `newText`. */
export interface OffsetEdit extends Span {
  newText: string;
}

/** A fix: its title in the imperative, and its edits, which do not overlap. */
export interface OffsetFix {
  title: string;
  edits: OffsetEdit[];
  /** Edits of other scripts that belong to the fix, with the texts that their offsets count in. */
  elsewhere?: { path: string; text: string; edits: OffsetEdit[] }[];
  /** See `Fix.keepsMeaning`; absent means no. */
  keepsMeaning?: boolean;
}

/** A fix that "fix all" may apply; see `Fix.keepsMeaning` for what that takes. */
export function keeping(fix: OffsetFix): OffsetFix {
  return { ...fix, keepsMeaning: true };
}

/** Replaces a stretch. */
export function replace({ start, end }: Span, newText: string, title = `Change to ${newText}`): OffsetFix {
  return { title, edits: [{ start, end, newText }] };
}

/** Inserts a text at an offset. */
export function insert(offset: number, newText: string, title: string): OffsetFix {
  return replace({ start: offset, end: offset }, newText, title);
}

/** Removes a stretch. */
export function remove(span: Span, title: string): OffsetFix {
  return replace(span, '', title);
}

/** Removes an option: its whole line where it is alone there, else its words. */
export function removeOption(script: Script, use: OptionUse, title = `Remove ${use.spelling}`): OffsetFix {
  return remove(isAlone(script, use) ? script.text.wholeLine(use.line) : { ...use, end: use.value?.end ?? use.end }, title); // prettier-ignore
}

/** Whether an option is the only one on its line. */
export function isAlone({ directives }: Script, use: OptionUse): boolean {
  return directives.options.filter(({ line }) => line === use.line).length === 1;
}

/** Adds a directive, such as `#SBATCH --mem=16G`, after the last one that the scheduler reads, or after the shebang. */
export function addDirective({ text, activeLines }: Script, directive: string, title = `Add ${directive}`): OffsetFix {
  const line = activeLines.at(-1)?.line ?? (text.text.startsWith('#!') ? 0 : -1);
  if (line < 0) return insert(0, `${directive}\n`, title);
  return insert(text.lineSpan(line).end, `\n${directive}`, title);
}

/** Edits that remove whole lines. `lines` ascend; the ends of two of them may be one, where the last line is removed. */
export function removeLines(text: ScriptText, lines: readonly number[]): OffsetEdit[] {
  const edits: OffsetEdit[] = [];
  for (const line of lines) {
    const { start, end } = text.wholeLine(line);
    const last = edits.at(-1);
    if (last && start < last.end) last.end = end;
    else edits.push({ start, end, newText: '' });
  }
  return edits;
}
