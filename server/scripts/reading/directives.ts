import { editDistance } from '../../suggest';
import { matchLongOption, matchLsfOption, shortOption, type OptionMatch } from '../catalogue/options';
import type { SchedulerName } from '../../shared/scheduler-name';
import type { OptionSpec } from '../catalogue/option-spec';
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
  /** Offset behind the `#SBATCH`. */
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
  /** Below the first command: Slurm never reads it. */
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
  /** The value without quotes, and where it stands; absent if there is none. */
  value?: Token;
  line: number;
  component: number;
  late: boolean;
}

/** A line that looks like a directive to a person, not to the scheduler. */
export interface Lookalike {
  line: number;
  /** The stretch to be replaced by `keyword`. */
  start: number;
  end: number;
  keyword: '#SBATCH' | '#BSUB';
  kind: 'indented' | 'spaced' | 'case' | 'misspelt';
}

/** All there is to know of a script's directives. */
export interface Directives {
  scheduler: SchedulerName;
  lines: DirectiveLine[];
  options: OptionUse[];
  /** Words that are neither option nor value. */
  strays: Token[];
  /** Options that end where their value should be. */
  valueless: OptionUse[];
  lookalikes: Lookalike[];
  /** Lines of `##SBATCH` and the like: switched off on purpose. */
  disabled: number[];
  /** Lines of the other scheduler's directives. */
  foreign: DirectiveLine[];
  /** First line that is neither blank nor comment; the number of lines if there is none. */
  firstCommand: number;
}

const anyDirective =
  /^[ \t]*#[ \t#]*(?:SBATCH|BSUB|SLURM)\b|^[ \t]*#[ \t]*(?:sbatch|bsub|[A-Z]{4,7})[ \t]+-{1,2}[A-Za-z]/m;

/** Cheap test whether a text may have directives at all, so that ordinary shell files cost nothing. */
export function mayHaveDirectives(text: string): boolean {
  return anyDirective.test(text);
}

/** The scheduler a script is written for: by its directives, or undefined where there are none. */
export function schedulerOf(script: ScriptText): SchedulerName | undefined {
  let lookalike: SchedulerName | undefined;
  for (const { text } of script.lines) {
    if (text.startsWith('#SBATCH') || text.startsWith('#SLURM')) return 'slurm';
    if (text.startsWith('#BSUB')) return 'lsf';
    const like = lookalike === undefined && text.includes('#') ? looksLikeDirective(text) : undefined;
    if (like) lookalike = like.keyword === '#BSUB' ? 'lsf' : 'slurm';
  }
  return lookalike;
}

/**
 * Reads the directives as the scheduler does. sbatch (22.05, `_opt_batch_script`): lines that begin with exactly
 * `#SBATCH`, up to the first line that is neither blank nor comment; all words of a component form one argument list.
 * bsub: `#BSUB` anywhere, blanks allowed around the `#`.
 */
export function parseDirectives(script: ScriptText, scheduler: SchedulerName): Directives {
  const result: Directives = {
    scheduler,
    lines: [],
    options: [],
    strays: [],
    valueless: [],
    lookalikes: [],
    disabled: [],
    foreign: [],
    firstCommand: script.lines.length,
  };
  let component = 0;
  script.lines.forEach(({ text, offset }, line) => {
    const hash = text.search(/\S/);
    if (hash < 0) return;
    if (text[hash] !== '#') {
      result.firstCommand = Math.min(result.firstCommand, line);
      return;
    }
    const late = line > result.firstCommand && scheduler === 'slurm';
    const directive = directiveAt(text, offset, line, late);
    if (!directive) {
      if (/^##+[ \t]*(?:SBATCH|BSUB)\b/.test(text)) result.disabled.push(line);
      const like = looksLikeDirective(text);
      // What stands below the first command is code; only a clear slip of the pen above it is worth a word.
      if (like && (like.keyword === '#BSUB') === (scheduler === 'lsf') && line < result.firstCommand)
        result.lookalikes.push({ ...like, line, start: offset + like.start, end: offset + like.end });
      return;
    }
    if ((directive.keyword === 'BSUB') !== (scheduler === 'lsf')) {
      result.foreign.push(directive);
      return;
    }
    if (directive.separator && !late) component++;
    directive.component = component;
    result.lines.push(directive);
  });
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
 * Words of a directive as sbatch cuts them: quotes group, a backslash takes the next character as it is, an unquoted
 * `#` begins a comment even inside a word.
 */
function tokenizeSlurm(text: string, from: number, offset: number, directive: DirectiveLine): void {
  let at = from;
  for (;;) {
    // C's isspace: a non-breaking space is no space to sbatch.
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
        // sbatch forgets its backslash at a blank outside quotes: the word ends there all the same.
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
    // Behind the first word too, sbatch overwrites the separator's name with blanks.
    const overwritten = directive.tokens.length > 0 && /^(?:hetjob|packjob)$/i.test(text.slice(start, at));
    if (any && !overwritten)
      directive.tokens.push({ text: word, start: offset + start, end: offset + at, line: directive.line });
    if (comment) {
      directive.comment = offset + at;
      return;
    }
    // Slurm ends the line at a word without characters, such as "".
    if (!any) return;
  }
}

function isSpace(c: string | undefined): boolean {
  return c === ' ' || c === '\t' || c === '\v' || c === '\f' || c === '\r' || c === '\n';
}

/** Words of a #BSUB line: blanks separate, either quote groups, a word that begins with `#` begins a comment. */
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

function readOptions(result: Directives, wanted: (directive: DirectiveLine) => boolean): void {
  const directives = result.lines.filter(wanted);
  const tokens = directives.flatMap((directive) => directive.tokens);
  const byLine = new Map(directives.map((directive) => [directive.line, directive]));
  const next = (i: number): Token | undefined => tokens[i];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    const directive = token && byLine.get(token.line);
    if (!token || !directive) continue;
    if (token.text === '--') {
      // The end of the options: nothing may follow.
      result.strays.push(...tokens.slice(i + 1));
      break;
    }
    if (token.text === '-' || !token.text.startsWith('-')) {
      result.strays.push(token);
      continue;
    }
    const use = (match: OptionMatch, spelling: string, start: number, end: number): OptionUse => {
      const option = match.kind === 'exact' || match.kind === 'abbreviated' ? match.option : undefined;
      const made: OptionUse = {
        match,
        spelling,
        start,
        end,
        line: token.line,
        component: directive.component,
        late: directive.late,
      };
      if (option) made.option = option;
      result.options.push(made);
      return made;
    };
    /** Takes the following word as the value, as getopt does even if it is the next line's option. */
    const takeNext = (made: OptionUse): void => {
      const value = next(i + 1);
      if (!value) result.valueless.push(made);
      else {
        made.value = value;
        i++;
      }
    };
    if (result.scheduler === 'lsf') {
      const { match, nameLength } = matchLsfOption(token.text);
      const made = use(
        match,
        token.text.slice(0, nameLength),
        token.start,
        Math.min(token.end, token.start + nameLength),
      );
      if (match.kind !== 'exact' || match.option.argument === 'none') continue;
      if (nameLength < token.text.length) made.value = tail(token, nameLength);
      else if (next(i + 1)?.line === token.line) takeNext(made);
      else result.valueless.push(made);
    } else if (token.text.startsWith('--')) {
      const equals = token.text.indexOf('=');
      const spelling = equals < 0 ? token.text : token.text.slice(0, equals);
      const match = matchLongOption(spelling);
      const made = use(match, spelling, token.start, Math.min(token.end, token.start + spelling.length));
      if (equals >= 0) made.value = tail(token, equals + 1);
      else if (made.option && (made.option.argument ?? 'required') === 'required') takeNext(made);
    } else {
      for (let letter = 1; letter < token.text.length; letter++) {
        const option = shortOption(token.text[letter] ?? '');
        const spelling = `-${token.text[letter]}`;
        const start = letter === 1 ? token.start : token.start + letter;
        const made = use(
          option ? { kind: 'exact', option } : { kind: 'unknown' },
          spelling,
          start,
          token.start + letter + 1,
        );
        if (!option) break;
        if (option.argument === 'none') continue;
        if (letter + 1 < token.text.length) made.value = tail(token, letter + 1);
        else if ((option.argument ?? 'required') === 'required') takeNext(made);
        break;
      }
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
  const upper = word.toUpperCase();
  if (upper === 'SBATCH' || upper === 'BSUB') {
    const keyword = upper === 'BSUB' ? ('#BSUB' as const) : ('#SBATCH' as const);
    const kind = word !== upper ? 'case' : gap ? 'spaced' : indent ? 'indented' : undefined;
    return kind && { ...at, keyword, kind };
  }
  // Only capitals: "# Note --verbose" is prose.
  if (word !== upper) return undefined;
  if (editDistance(word, 'SBATCH') <= 1) return { ...at, keyword: '#SBATCH', kind: 'misspelt' };
  if (editDistance(word, 'BSUB') <= 1) return { ...at, keyword: '#BSUB', kind: 'misspelt' };
  return undefined;
}
