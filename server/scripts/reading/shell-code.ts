import { readShell } from './shell';
import type { Shell } from './shell-command';
import type { Span } from './text';

/** Interpreters whose scripts are not shell code, by the end of the shebang. */
const otherLanguages =
  /^#!.*\b(?:python|perl|ruby|Rscript|julia|node|lua|octave|matlab|gnuplot|awk|tclsh|php)[\d.]*\b/i;
/** A script's shell code, read when it is first needed. */
export class ShellCode {
  private read: Shell | undefined;
  private spans: Span[] | undefined;

  constructor(private readonly text: string) {}

  /** The code. A script in another language has no commands, but its texts are recognised by their quotes all the same. */
  get shell(): Shell {
    if (this.read) return this.read;
    const shell = readShell(this.text);
    this.read = otherLanguages.test(this.text)
      ? { ...shell, commands: [], assignments: [], brokenContinuations: [], variables: new Set() }
      : shell;
    return this.read;
  }

  /** Whether it may hold scripts: directives after something that may begin a text. Cheap. */
  get hasTexts(): boolean {
    const { text } = this;
    const last = Math.max(text.lastIndexOf('#SBATCH'), text.lastIndexOf('#BSUB'));
    return ['<<', '"', "'"].some((opener) => {
      const first = text.indexOf(opener);
      return first >= 0 && first < last;
    });
  }

  /** Whether an offset lies in a text: after its beginning, as the line with the quote is still code. */
  readonly isText = (offset: number): boolean => {
    const spans = (this.spans ??= joined(this.shell.texts));
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((spans[middle]?.end ?? Infinity) <= offset) low = middle + 1;
      else high = middle;
    }
    return (spans[low]?.start ?? Infinity) <= offset;
  };
}

/** Stretches in ascending order; those that overlap become one. */
function joined(texts: readonly Span[]): Span[] {
  const spans: Span[] = [];
  for (const { start, end } of [...texts].sort((a, b) => a.start - b.start)) {
    const last = spans.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else spans.push({ start, end });
  }
  return spans;
}
