/**
 * The resource requirement of `bsub -R`, as IBM Spectrum LSF 10.1 reads it ("Resource requirement strings", "Usage
 * string", "Span string", "Compute unit string", "Affinity string"), and volclava 2.2 (lsf/intlib/resreq.c) where the two
 * agree. What only one of them refuses is a warning that names it.
 */
import { didYouMean } from '../../suggest';
import { checkBody, sectionNames, type SectionName } from './lsf-sections';
import { partOf, type LsfProblem, type Part } from './lsf-problem';
import type { Span } from './text';

/** One section: `rusage[mem=8GB]`, or a selection without its keyword. Spans count in the value without quotes. */
export interface RequirementSection extends Span {
  name: SectionName;
  /** What stands between the brackets. */
  body: Part;
}

/** A requirement as read: its sections in the order of the text, and what is wrong with it. */
export interface Requirement {
  sections: RequirementSection[];
  problems: LsfProblem[];
}

const sectionStart = /(?<!\w)[A-Za-z_]\w*[ \t]*\[/g;
/** No requirement is longer; the limit keeps the time of reading within bounds. */
const longest = 4096;

/** Reads a resource requirement. What cannot be read is a problem, and reading goes on after it. */
export function readRequirement(text: string): Requirement {
  const reader = new RequirementReader(text);
  if (text.length <= longest) reader.read(0, text.length);
  return reader.result;
}

class RequirementReader {
  readonly result: Requirement = { sections: [], problems: [] };
  private at = 0;
  private end = 0;

  constructor(private readonly text: string) {}

  read(start: number, end: number): void {
    [this.at, this.end] = [start, end];
    while (this.at < this.end) {
      const c = this.text[this.at] ?? '';
      if (/\s/.test(c)) this.at++;
      else if (c === '{') this.group();
      else if (c === '[') this.section({ ...partOf(this.text, this.at, this.at), text: '' });
      else if (c === ']' || c === '}') this.stray();
      else if (/[A-Za-z_]/.test(c)) this.word();
      else this.expression();
    }
  }

  private problem(span: Span, message: string, more: Omit<LsfProblem, 'start' | 'end' | 'message'> = {}): void {
    this.result.problems.push({ start: span.start, end: span.end, message, ...more });
  }

  private stray(): void {
    const span = { start: this.at, end: this.at + 1 };
    this.problem(span, `This ${this.text[this.at] ?? ''} closes nothing`);
    this.at++;
  }

  /** One of several requirements, `2*{...} + 1*{...}` or `{...} || {...}@10`. */
  private group(): void {
    const open = this.at;
    const close = this.text.indexOf('}', open);
    if (close < 0 || close >= this.end) {
      this.problem({ start: open, end: open + 1 }, 'This { is never closed');
      this.at++;
      return;
    }
    const { end } = this;
    this.read(open + 1, close);
    [this.at, this.end] = [close + 1, end];
    const joint = /[ \t]*@[ \t]*\d+/y;
    joint.lastIndex = this.at;
    this.at += joint.exec(this.text)?.[0].length ?? 0;
  }

  /** A section, or the first word of a selection without its keyword. */
  private word(): void {
    const name = /[A-Za-z_]\w*/y;
    name.lastIndex = this.at;
    const word: Part = { ...partOf(this.text, this.at, this.at), text: name.exec(this.text)?.[0] ?? '' };
    word.end = word.start + word.text.length;
    const gap = /[ \t]*/y;
    gap.lastIndex = word.end;
    const open = word.end + (gap.exec(this.text)?.[0].length ?? 0);
    const bracket = open < this.end ? (this.text[open] ?? '') : '';
    const known = sectionNames.includes(word.text as SectionName);
    if (bracket === '[' || (known && (bracket === '{' || bracket === '('))) {
      if (open > word.end)
        this.problem({ start: word.end, end: open }, `There may be no space between ${word.text} and its bracket`, {
          replacement: '',
          certain: true,
        });
      this.at = open;
      this.section(word);
    } else if (known) this.unbracketed(word);
    else this.expression();
  }

  /** `rusage mem=8GB`: a keyword whose brackets are missing. */
  private unbracketed(word: Part): void {
    this.at = this.nextSection(word.end);
    const rest = partOf(this.text, word.end, this.at);
    const content = rest.text.replace(/^=\s*/, '');
    this.problem({ start: word.start, end: rest.end }, `${word.text} needs its value in square brackets`, {
      ...(/^[\w.]+\s*[=><]/.test(content) && { replacement: `${word.text}[${content}]`, certain: true }),
    });
  }

  /** Where the next section begins, or the end. */
  private nextSection(from: number): number {
    sectionStart.lastIndex = from;
    const next = sectionStart.exec(this.text)?.index ?? this.end;
    return Math.min(next, this.end);
  }

  /** A selection without its keyword, which must come first. */
  private expression(): void {
    const start = this.at;
    // `2*{` and what joins two requirements is no selection.
    const joint = /\d+[ \t]*\*|\|\||&&|[,+]/y;
    joint.lastIndex = start;
    const joined = joint.exec(this.text);
    if (joined) {
      this.at += joined[0].length;
      return;
    }
    this.at = Math.max(start + 1, this.nextSection(start));
    const brace = this.text.indexOf('{', start);
    if (brace > start && brace < this.at) this.at = brace;
    const body = partOf(this.text, start, this.at);
    if (this.result.sections.some(({ name }) => name !== 'select'))
      this.problem(body, `"${body.text}" belongs to no section: a selection comes first, or is written select[...]`);
    else this.finish('select', body, body);
  }

  /** A section whose bracket is at the current place. */
  private section(word: Part): void {
    const open = this.at;
    const bracket = this.text[open] ?? '[';
    const close = this.closing(open, bracket);
    const body = partOf(this.text, open + 1, close.at);
    this.at = close.next;
    const span = { start: word.start, end: this.at };
    if (bracket !== '[')
      this.problem({ start: open, end: this.at }, `${word.text} is written with square brackets: ${word.text}[...]`, {
        replacement: `[${body.text}]`,
        certain: true,
      });
    const name = this.sectionName(word, span);
    if (name) this.finish(name, body, span);
  }

  /** Where the body that begins with a bracket ends. */
  private closing(open: number, bracket: string): { at: number; next: number } {
    const wanted = { '[': ']', '{': '}', '(': ')' }[bracket] ?? ']';
    const close = this.text.indexOf(wanted, open + 1);
    // A section cannot hold another one: there its own bracket is missing.
    sectionStart.lastIndex = open + 1;
    const inner = sectionStart.exec(this.text);
    const limit = inner && inner.index < this.end ? inner.index : this.end;
    if (close >= 0 && close < limit) return { at: close, next: close + 1 };
    const end = partOf(this.text, open + 1, limit).end;
    const last = this.text[end - 1] ?? '';
    if (end > open + 1 && /[\])}]/.test(last) && last !== wanted) {
      this.problem({ start: end - 1, end }, `This section ends with ${last} instead of ${wanted}`, {
        replacement: bracket === '[' ? ']' : undefined,
        certain: true,
      });
      return { at: end - 1, next: end };
    }
    this.problem({ start: open, end: open + 1 }, `This ${bracket} is never closed`);
    return { at: end, next: end };
  }

  private sectionName(word: Part, span: Span): SectionName | undefined {
    const name = sectionNames.find((known) => known === word.text);
    if (name) return name;
    if (word.text === '') {
      this.problem(span, `A section begins with its name: ${sectionNames.join(', ')}`);
      return undefined;
    }
    // The load indices to report: a section of OpenLava and volclava alone.
    if (word.text === 'filter') return undefined;
    const meant = didYouMean(word.text, sectionNames);
    this.problem(word, `${word.text}[...] is not a section of -R${meant ? `; did you mean ${meant}?` : ''}`, {
      ...(meant !== undefined && { replacement: meant, certain: meant === word.text.toLowerCase() }),
    });
    return sectionNames.find((known) => known === meant);
  }

  private finish(name: SectionName, body: Part, { start, end }: Span): void {
    this.result.sections.push({ name, body, start, end });
    this.result.problems.push(...checkBody(name, this.text, body));
  }
}
