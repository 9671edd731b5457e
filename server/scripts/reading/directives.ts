import { editDistance } from '../../suggest';
import { meantBy } from '../catalogue/meant-names';
import { matchLongOption, matchLsfOption, shortOption, type OptionMatch } from '../catalogue/options';
import type { SchedulerName } from '../../shared/scheduler-name';
import type { OptionSpec } from '../catalogue/option-spec';
import { firstCommandOf, remarks } from './remarks';
import type { ScriptText } from './text';

/** One word of a directive, quotes removed. Offsets count UTF-16 units in the script and include the quotes. */
export interface Token {
  text: string;
  start: number;
  end: number;
  line: number;
}

/** A line that begins with `#SBATCH` or `#BSUB`. */
export interface DirectiveLine {
  line: number;
  /** Offset after the `#SBATCH`. */
  body: number;
  keyword: 'SBATCH' | 'SLURM' | 'BSUB';
  tokens: Token[];
  /** Offset of the `#` that turns the rest of the line into a comment. */
  comment?: number;
  /** Offset of the opening quote that is never closed. */
  unclosedQuote?: number;
  /** `#SBATCH hetjob` or `packjob`: begins the next component. */
  separator?: Token;
  /** 0 before the first hetjob line, then 1, 2, ... */
  component: number;
  /** Below the first command, where Slurm never reads it. */
  late: boolean;
}

/** One option as written, with its value. */
export interface OptionUse {
  match: OptionMatch;
  /** The option, where `match` found one. */
  option?: OptionSpec;
  /** As written, without the value: `--gres`, `-G`. */
  spelling: string;
  start: number;
  end: number;
  /** The value without quotes, and its place; absent if there is none. */
  value?: Token;
  line: number;
  component: number;
  late: boolean;
}

/** A line that looks like a directive to a person but not to the scheduler. */
export interface Lookalike {
  line: number;
  /** The stretch to be replaced by `keyword`. */
  start: number;
  end: number;
  keyword: '#SBATCH' | '#BSUB';
  kind: 'indented' | 'spaced' | 'case' | 'misspelt';
}

/** Everything that a script's directives say. */
export interface Directives {
  scheduler: SchedulerName;
  lines: DirectiveLine[];
  options: OptionUse[];
  /** Words that are neither options nor values. */
  strays: Token[];
  /** Options that end where their value should be. */
  valueless: OptionUse[];
  lookalikes: Lookalike[];
  /** Lines such as `##SBATCH`, switched off on purpose. */
  disabled: number[];
  /** Lines of the other scheduler's directives. */
  foreign: DirectiveLine[];
  /** First line that is neither empty nor a comment; the number of lines if there is none. */
  firstCommand: number;
}

const anyDirective =
  /^[ \t]*#[ \t#]*(?:SBATCH|BSUB|SLURM)\b|^[ \t]*#[ \t]*(?:sbatch|bsub|[A-Z]{4,7})[ \t]+-{1,2}[A-Za-z]/m;

/** A cheap test whether a text may have directives at all, so that ordinary shell files cost nothing. */
export function mayHaveDirectives(text: string): boolean {
  return anyDirective.test(text);
}

/**
 * Whether an offset lies in a text that belongs to another script, such as a here-document. Asked only for lines that
 * look like directives below the first command, because the answer needs the shell code.
 */
export type IsText = (offset: number) => boolean;

/** The scheduler a script is written for: by its directives, or undefined where it has none of its own. */
export function schedulerOf(script: ScriptText, isText: IsText = () => false): SchedulerName | undefined {
  let lookalike: SchedulerName | undefined;
  const firstCommand = firstCommandOf(script);
  for (const { text, offset, line } of remarks(script)) {
    const code = line > firstCommand;
    if (text.startsWith('#SBATCH') || text.startsWith('#SLURM') || text.startsWith('#BSUB')) {
      if (!code || !isText(offset)) return text.startsWith('#BSUB') ? 'lsf' : 'slurm';
      continue;
    }
    const like = lookalike === undefined ? looksLikeDirective(text) : undefined;
    if (like && !(code && isText(offset))) lookalike = like.keyword === '#BSUB' ? 'lsf' : 'slurm';
  }
  return lookalike;
}

/**
 * Reads the directives as the scheduler does. sbatch (22.05, `_opt_batch_script`): lines that begin with exactly
 * `#SBATCH`, up to the first line that is neither empty nor a comment; all words of a component form one argument list.
 * bsub: `#BSUB` anywhere, with spaces allowed around the `#`. Lines of a text (`isText`) belong to another script.
 */
export function parseDirectives(
  script: ScriptText,
  scheduler: SchedulerName,
  isText: IsText = () => false,
): Directives {
  const result: Directives = {
    scheduler,
    lines: [],
    options: [],
    strays: [],
    valueless: [],
    lookalikes: [],
    disabled: [],
    foreign: [],
    firstCommand: firstCommandOf(script),
  };
  let component = 0;
  for (const { text, offset, line } of remarks(script)) {
    const late = line > result.firstCommand && scheduler === 'slurm';
    const directive = directiveAt(text, offset, line, late);
    if (directive && line > result.firstCommand && isText(offset)) continue;
    if (!directive) {
      if (/^##+[ \t]*(?:SBATCH|BSUB)\b/.test(text)) result.disabled.push(line);
      const like = looksLikeDirective(text);
      // Below the first command there is code; only a clear typing error above it is reported.
      if (like && (like.keyword === '#BSUB') === (scheduler === 'lsf') && line < result.firstCommand)
        result.lookalikes.push({ ...like, line, start: offset + like.start, end: offset + like.end });
      continue;
    }
    if ((directive.keyword === 'BSUB') !== (scheduler === 'lsf')) {
      result.foreign.push(directive);
      continue;
    }
    if (directive.separator && !late) component++;
    directive.component = component;
    result.lines.push(directive);
  }
  for (let c = 0; c <= component; c++) readOptions(result, (directive) => !directive.late && directive.component === c);
  readOptions(result, (directive) => directive.late);
  return result;
}

function directiveAt(text: string, offset: number, line: number, late: boolean): DirectiveLine | undefined {
  const slurm = /^#(SBATCH|SLURM)/.exec(text);
  const lsf = slurm ? null : /^[ \t]*#[ \t]*(BSUB)(?=[ \t]*-|[ \t]*$)/.exec(text);
  const found = slurm ?? lsf;
  if (!found) return undefined;
  const keyword = found[1] as DirectiveLine['keyword'];
  const directive: DirectiveLine = { line, body: offset + found[0].length, keyword, tokens: [], component: 0, late };
  if (slurm) tokenizeSlurm(text, found[0].length, offset, directive);
  else tokenizeLsf(text, found[0].length, offset, directive);
  const first = directive.tokens[0];
  if (
    slurm &&
    first &&
    /^(?:hetjob|packjob)$/i.test(first.text) &&
    text.slice(first.start - offset, first.end - offset) === first.text
  ) {
    directive.separator = first;
    directive.tokens.shift();
  }
  return directive;
}

/**
 * The words of a directive as sbatch splits them: quotes group, a backslash takes the next character as it is, and an
 * unquoted `#` begins a comment even inside a word.
 */
function tokenizeSlurm(text: string, from: number, offset: number, directive: DirectiveLine): void {
  let at = from;
  for (;;) {
    // C's isspace: to sbatch, a non-breaking space is not a space.
    while (at < text.length && isSpace(text[at])) at++;
    if (at >= text.length) return;
    const start = at;
    let word = '';
    let quote = '';
    let opened = 0;
    let any = false;
    let comment = false;
    while (at < text.length && (quote || !isSpace(text[at]))) {
      const c = text[at] ?? '';
      if (c === '\\') {
        at++;
        // sbatch ignores a backslash before a space outside quotes: the word ends there all the same.
        if (at < text.length && (quote || !isSpace(text[at]))) {
          word += text[at];
          any = true;
          at++;
        }
        continue;
      }
      if (quote) {
        if (c === quote) quote = '';
        else {
          word += c;
          any = true;
        }
      } else if (c === '"' || c === "'") {
        quote = c;
        opened = at;
      } else if (c === '#') {
        comment = true;
        break;
      } else {
        word += c;
        any = true;
      }
      at++;
    }
    if (quote) directive.unclosedQuote = offset + opened;
    // sbatch overwrites the separator's name with spaces after the first word, too.
    const overwritten = directive.tokens.length > 0 && /^(?:hetjob|packjob)$/i.test(text.slice(start, at));
    if (any && !overwritten)
      directive.tokens.push({ text: word, start: offset + start, end: offset + at, line: directive.line });
    if (comment) {
      directive.comment = offset + at;
      return;
    }
    // For Slurm the line ends at a word without characters, such as "".
    if (!any) return;
  }
}

function isSpace(c: string | undefined): boolean {
  return c === ' ' || c === '\t' || c === '\v' || c === '\f' || c === '\r' || c === '\n';
}

/** The words of a #BSUB line: spaces separate, either quote groups, a word that begins with `#` begins a comment. */
function tokenizeLsf(text: string, from: number, offset: number, directive: DirectiveLine): void {
  let at = from;
  while (at < text.length) {
    if (isSpace(text[at])) {
      at++;
      continue;
    }
    if (text[at] === '#') {
      directive.comment = offset + at;
      return;
    }
    const start = at;
    let word = '';
    while (at < text.length && !isSpace(text[at])) {
      const c = text[at] ?? '';
      if (c === '"' || c === "'") {
        const close = text.indexOf(c, at + 1);
        if (close < 0) directive.unclosedQuote = offset + at;
        const end = close < 0 ? text.length : close;
        word += text.slice(at + 1, end);
        at = end + 1;
      } else {
        word += c;
        at++;
      }
    }
    directive.tokens.push({
      text: word,
      start: offset + start,
      end: offset + Math.min(at, text.length),
      line: directive.line,
    });
  }
}

/** Reads the options of the directives that are `wanted`, as one argument list. */
function readOptions(result: Directives, wanted: (directive: DirectiveLine) => boolean): void {
  new OptionReader(result, result.lines.filter(wanted)).read();
}

/** Reads options and their values from the words of directives, as the schedulers' own parsers do. */
class OptionReader {
  private readonly tokens: readonly Token[];
  private readonly byLine: ReadonlyMap<number, DirectiveLine>;
  /** Index of the token that is read. */
  private at = 0;

  constructor(
    private readonly result: Directives,
    directives: readonly DirectiveLine[],
  ) {
    this.tokens = directives.flatMap((directive) => directive.tokens);
    this.byLine = new Map(directives.map((directive) => [directive.line, directive]));
  }

  read(): void {
    for (; this.at < this.tokens.length; this.at++) {
      const token = this.tokens[this.at];
      if (!token) continue;
      if (token.text === '--') {
        // The end of the options: nothing may follow.
        this.result.strays.push(...this.tokens.slice(this.at + 1));
        return;
      }
      if (token.text === '-' || !token.text.startsWith('-')) this.result.strays.push(token);
      else if (this.result.scheduler === 'lsf') this.lsfOption(token);
      else if (token.text.startsWith('--')) this.longOption(token);
      else this.shortOptions(token);
    }
  }

  private use(token: Token, match: OptionMatch, spelling: string, start: number, end: number): OptionUse {
    const directive = this.byLine.get(token.line);
    const made: OptionUse = {
      match,
      spelling,
      start,
      end,
      line: token.line,
      component: directive?.component ?? 0,
      late: directive?.late ?? false,
    };
    if (match.kind === 'exact' || match.kind === 'abbreviated') made.option = match.option;
    this.result.options.push(made);
    return made;
  }

  /** Takes the following word as the value, as getopt does even if it is the next line's option. */
  private takeNext(made: OptionUse): void {
    const value = this.tokens[this.at + 1];
    if (!value) this.result.valueless.push(made);
    else {
      made.value = value;
      this.at++;
    }
  }

  private lsfOption(token: Token): void {
    const { match, nameLength } = this.lsfMatch(token);
    const end = Math.min(token.end, token.start + nameLength);
    const made = this.use(token, match, token.text.slice(0, nameLength), token.start, end);
    if (match.kind !== 'exact' || match.option.argument === 'none') return;
    if (nameLength < token.text.length) made.value = tail(token, nameLength);
    else if (this.tokens[this.at + 1]?.line === token.line) this.takeNext(made);
    else this.result.valueless.push(made);
  }

  /** `-qgpu` is -q, although it looks like -gpu: a slip is one only where a value follows. A word such as -queue always is. */
  private lsfMatch(token: Token): ReturnType<typeof matchLsfOption> {
    const found = matchLsfOption(token.text);
    const next = this.tokens[this.at + 1];
    if (found.match.kind !== 'unknown' || !found.match.read) return found;
    const isFollowed = next?.line === token.line && !next.text.startsWith('-');
    const isSlip = isFollowed && found.match.suggestion?.argument !== 'none';
    return isSlip || meantBy('lsf', token.text.slice(1).toLowerCase()) !== undefined
      ? found
      : { match: { kind: 'exact', option: found.match.read }, nameLength: 2 };
  }

  private longOption(token: Token): void {
    const equals = token.text.indexOf('=');
    const spelling = equals < 0 ? token.text : token.text.slice(0, equals);
    const end = Math.min(token.end, token.start + spelling.length);
    const made = this.use(token, matchLongOption(spelling), spelling, token.start, end);
    if (equals >= 0) made.value = tail(token, equals + 1);
    else if (made.option && (made.option.argument ?? 'required') === 'required') this.takeNext(made);
  }

  /** A bundle such as `-HQn4`: letters without a value, then perhaps one with its value. */
  private shortOptions(token: Token): void {
    for (let letter = 1; letter < token.text.length; letter++) {
      const option = shortOption(token.text[letter] ?? '');
      const match: OptionMatch = option ? { kind: 'exact', option } : { kind: 'unknown' };
      const start = letter === 1 ? token.start : token.start + letter;
      const made = this.use(token, match, `-${token.text[letter]}`, start, token.start + letter + 1);
      if (!option) return;
      if (option.argument === 'none') continue;
      if (letter + 1 < token.text.length) made.value = tail(token, letter + 1);
      else if ((option.argument ?? 'required') === 'required') this.takeNext(made);
      return;
    }
  }
}

/** The part of a token from its `from`th character on. */
function tail(token: Token, from: number): Token {
  return {
    text: token.text.slice(from),
    start: Math.min(token.end, token.start + from),
    end: token.end,
    line: token.line,
  };
}

function looksLikeDirective(text: string): Omit<Lookalike, 'line'> | undefined {
  const found = /^([ \t]*)#([ \t]*)([A-Za-z]{4,8})(?=[ \t]+-{1,2}[A-Za-z]|-{2}[A-Za-z])/.exec(text);
  if (!found) return undefined;
  const [whole, indent = '', gap = '', word = ''] = found;
  const at = { start: 0, end: whole.length };
  // The command in a remark: `# sbatch --nodes=2 run.sh`.
  if (/^[sb](?:batch|sub)$/.test(word) && (gap || /\s[\w./]+\.\w+\s*$/.test(text))) return undefined;
  const upper = word.toUpperCase();
  if (upper === 'SBATCH' || upper === 'BSUB') {
    const keyword = upper === 'BSUB' ? ('#BSUB' as const) : ('#SBATCH' as const);
    const kind = word !== upper ? 'case' : gap ? 'spaced' : indent ? 'indented' : undefined;
    return kind && { ...at, keyword, kind };
  }
  // Capitals only: "# Note --verbose" is prose.
  if (word !== upper) return undefined;
  if (editDistance(word, 'SBATCH') <= 1) return { ...at, keyword: '#SBATCH', kind: 'misspelt' };
  if (editDistance(word, 'BSUB') <= 1) return { ...at, keyword: '#BSUB', kind: 'misspelt' };
  return undefined;
}
