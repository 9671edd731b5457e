/** The parts of a script that an editor can fold. */
import type { Script } from './reading/script';
import type { Span } from './reading/text';
import type { Scopes } from './scopes';

/** Lines that fold into the first of them, counted from 0, both included. */
export interface Folding {
  start: number;
  end: number;
  kind?: 'comment' | 'region';
}

/** Directives, functions, compound commands, here-documents and comments of more than one line, in the order of the text. */
export function foldings({ text, scopes }: Scopes): Folding[] {
  const found: Folding[] = [];
  const taken = new Set<string>();
  const add = (folding: Folding): void => {
    const key = `${folding.start}-${folding.end}`;
    if (folding.end <= folding.start || taken.has(key)) return;
    taken.add(key);
    found.push(folding);
  };
  for (const { script, outer } of scopes) {
    const lineOf = (offset: number): number => text.positionAt(outer({ start: offset, end: offset }).start).line;
    const linesOf = ({ start, end }: Span): { start: number; end: number } => ({ start: lineOf(start), end: lineOf(end) }); // prettier-ignore
    for (const { first, last, kind } of commentRuns(script)) {
      const { start, end } = linesOf({ start: script.text.lineSpan(first).start, end: script.text.lineSpan(last).start }); // prettier-ignore
      add({ start, end, kind });
    }
    for (const block of script.structure.blocks) {
      const { start, end } = linesOf(block);
      // The line that closes it stays in sight.
      add({ start, end: end - 1 });
    }
  }
  return found.sort((a, b) => a.start - b.start || b.end - a.end);
}

/** Runs of directives and of other comments, as lines of the script. */
function commentRuns({
  text,
  directives,
  structure,
}: Script): { first: number; last: number; kind: 'comment' | 'region' }[] {
  // prettier-ignore
  const directiveLines = new Set([...directives.lines, ...directives.foreign].map(({ line }) => line));
  const documents = structure.blocks.filter(({ kind }) => kind === 'document').sort((a, b) => a.start - b.start);
  const runs: { first: number; last: number; kind: 'comment' | 'region' }[] = [];
  let next = 0;
  text.lines.forEach(({ text: line, offset }, number) => {
    if (!/^[ \t]*#(?!!)/.test(line)) return;
    while ((documents[next]?.end ?? Infinity) < offset) next++;
    const document = documents[next];
    // What a here-document holds is no comment of this script.
    if (document && document.start < offset) return;
    const kind = directiveLines.has(number) ? 'region' : 'comment';
    const last = runs.at(-1);
    if (last?.kind === kind && last.last === number - 1) last.last = number;
    else runs.push({ first: number, last: number, kind });
  });
  return runs;
}
