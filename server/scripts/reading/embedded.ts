/** Scripts that a script writes or submits: here-documents and strings that are batch scripts of their own. */
import type { EmbeddedText, Shell } from './shell-command';
import type { Span } from './text';

/** Stands in a script's text for what another shell fills in before the scheduler sees it: nothing is known of it. */
export const FILLED_IN = '\ue000';

/** A batch script within another script. */
export interface EmbeddedScript {
  /** As the scheduler gets it: escapes are taken away, and `FILLED_IN` stands for each expansion. */
  text: string;
  /** Where a stretch of it is in the outer script. */
  outer: (span: Span) => Span;
  /** How new text must be written there so that the inner script gets it; undefined where that is not possible. */
  written: (newText: string) => string | undefined;
}

const directiveLine = /^[ \t]*#(?:SBATCH|BSUB|SLURM)\b/m;
/** Commands that submit what they read from their standard input. */
const submitters = /^(?:sbatch|bsub)$/;

/**
 * The batch scripts among a script's texts: those that begin with `#!` and have directives, and whatever sbatch or bsub
 * gets directly. Other texts (a job's fragments, Python code) are nobody's script.
 */
export function embeddedScripts(text: string, { texts }: Shell): EmbeddedScript[] {
  const found: EmbeddedScript[] = [];
  for (const embedded of texts) {
    const raw = text.slice(embedded.start, embedded.end);
    if (!directiveLine.test(raw)) continue;
    const submitted =
      embedded.kind !== 'string' && embedded.command.words.some((word) => submitters.test(word.text ?? ''));
    if (!submitted && !/^\t*#!/.test(raw)) continue;
    // A here-document's last line has its end; that of a string may not have one.
    found.push(unwrap(raw, embedded));
  }
  return found;
}

/** Characters before which a backslash is taken away. */
const escapable = { document: '\\$`\n', string: '\\$`"\n', plain: '' } as const;
const expansion = /\$(?:\{|\(|[A-Za-z_]\w*|[0-9@*#?!$-])|`/y;

/** Takes away what the outer shell takes away, and keeps account of where everything was. */
function unwrap(raw: string, { start, kind, stripTabs }: EmbeddedText): EmbeddedScript {
  const parts: string[] = [];
  /** Where runs of equal text begin, in the inner script and in `raw`; in ascending order. */
  const runs: { inner: number; outer: number }[] = [];
  let length = 0;
  let at = 0;
  const put = (written: string, from: number): void => {
    runs.push({ inner: length, outer: from });
    parts.push(written);
    length += written.length;
  };
  const special = kind === 'plain' ? /\n/g : /[\\$`\n]/g;
  const escaped = escapable[kind];
  if (stripTabs) at = tabsEnd(raw, 0);
  while (at < raw.length) {
    special.lastIndex = at;
    const next = special.exec(raw)?.index ?? raw.length;
    if (next > at) put(raw.slice(at, next), at);
    at = next;
    const c = raw[at];
    if (c === '\n') {
      put('\n', at++);
      if (stripTabs) at = tabsEnd(raw, at);
    } else if (c === '\\') {
      const after = raw[at + 1] ?? '';
      if (after !== '' && escaped.includes(after)) put(after === '\n' ? '' : after, at);
      else put(raw.slice(at, at + 2), at);
      at += 2;
    } else if (c !== undefined) {
      expansion.lastIndex = at;
      const found = expansion.exec(raw)?.[0];
      put(found === undefined ? c : FILLED_IN, at);
      at = found === undefined ? at + 1 : expansionEnd(raw, at, found);
    }
  }
  runs.push({ inner: length, outer: raw.length });
  const place = (offset: number): number => {
    const run = runs[lastAtMost(runs, offset)];
    return start + (run ? run.outer + offset - run.inner : offset);
  };
  return {
    text: parts.join(''),
    outer: ({ start: from, end }) => ({ start: place(from), end: place(end) }),
    written: (newText) => rewritten(newText, kind, raw),
  };
}

function tabsEnd(text: string, from: number): number {
  let at = from;
  while (text[at] === '\t') at++;
  return at;
}

/** Offset after an expansion whose beginning is `found`. */
function expansionEnd(raw: string, at: number, found: string): number {
  const last = found.at(-1);
  if (last === '`') {
    const close = raw.indexOf('`', at + 1);
    return close < 0 ? raw.length : close + 1;
  }
  if (last !== '{' && last !== '(') return at + found.length;
  const closer = last === '{' ? '}' : ')';
  let level = 0;
  for (let i = at + 1; i < raw.length; i++) {
    if (raw[i] === '\\') i++;
    else if (raw[i] === last) level++;
    else if (raw[i] === closer && --level === 0) return i + 1;
  }
  return raw.length;
}

/** Index of the last run that begins at or before an offset, of several that begin there the last one. */
function lastAtMost(runs: readonly { inner: number }[], offset: number): number {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((runs[middle]?.inner ?? Infinity) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function rewritten(newText: string, kind: EmbeddedText['kind'], raw: string): string | undefined {
  // What came from an expansion cannot be written again.
  if (newText.includes(FILLED_IN)) return undefined;
  switch (kind) {
    case 'document':
      return newText.replace(/[\\$`]/g, '\\$&');
    case 'string':
      return newText.replace(/[\\$`"]/g, '\\$&');
    case 'plain':
      // Between single quotes there is no way to write one; a here-document with a quoted delimiter may hold any.
      return newText.includes("'") && !raw.endsWith('\n') ? undefined : newText;
  }
}
