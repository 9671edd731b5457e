/** What is wrong inside a value of bsub, and where in the script the places of such a value are. */
import type { Severity } from './finding';
import type { Token } from './directives';
import type { ScriptText, Span } from './text';

/** Something wrong with a part of a value; the span counts in the value without its quotes. */
export interface LsfProblem extends Span {
  /** One sentence, no full stop. */
  message: string;
  /** `error` where it is left out. */
  severity?: Severity;
  /** What was probably meant in the place of the span. */
  replacement?: string;
  /** Whether that says the same as what is written. */
  certain?: boolean;
}

/** A part of a value: the stretch without the spaces around it. */
export interface Part extends Span {
  text: string;
}

/** The stretch of a text without the spaces around it. */
export function partOf(text: string, start: number, end: number): Part {
  let [from, to] = [start, Math.max(start, end)];
  while (from < to && /\s/.test(text[from] ?? '')) from++;
  while (to > from && /\s/.test(text[to - 1] ?? '')) to--;
  return { start: from, end: to, text: text.slice(from, to) };
}

/** The parts of a stretch between separators; what stands between parentheses or quotes is one part. */
export function splitParts(text: string, { start, end }: Span, separators: readonly string[]): Part[] {
  const parts: Part[] = [];
  let level = 0;
  let quoted = false;
  let from = start;
  for (let at = start; at < end; at++) {
    const c = text[at] ?? '';
    if (c === "'") quoted = !quoted;
    if (quoted) continue;
    if (c === '(') level++;
    if (c === ')') level--;
    const separator = level <= 0 ? separators.find((one) => text.startsWith(one, at)) : undefined;
    if (separator === undefined) continue;
    parts.push(partOf(text, from, at));
    at += separator.length - 1;
    from = at + 1;
  }
  parts.push(partOf(text, from, end));
  return parts.filter(({ text: part }) => part !== '');
}

/** Where a stretch of a value lies in the script: quotes are part of the script but not of the value. */
export function placeOf(script: ScriptText, value: Token, { start, end }: Span): Span {
  const raw = script.slice(value);
  if (raw.length === value.text.length) return { start: value.start + start, end: value.start + end };
  const offsets: number[] = [];
  let quote = '';
  for (let at = 0; at < raw.length; at++) {
    const c = raw[at] ?? '';
    if (quote === '' && (c === '"' || c === "'")) quote = c;
    else if (c === quote) quote = '';
    else offsets.push(at);
  }
  const first = value.start + (offsets[start] ?? raw.length);
  // After the last character that belongs to the stretch, so that a closing quote stays outside.
  return { start: first, end: end > start ? value.start + (offsets[end - 1] ?? raw.length - 1) + 1 : first };
}
