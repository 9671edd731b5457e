/** Templates: scripts in which a program fills something in before the scheduler sees them. */
import type { Finding } from './reading/finding';
import { firstCommandOf } from './reading/remarks';
import type { ScriptText } from './reading/text';

/** What template engines fill in: Jinja's `{{ time }}`, `<%= time %>` of brew and ERB. */
const engine = /\{\{[^{}\n]{1,99}\}\}|<%[^\n]{1,199}?%>/;

/**
 * What programs and people replace by name: `__TIME__`, `@time@`, RELION's `XXXextra1XXX`, Python's `{time}` and
 * `%(time)s`, `<time>`, `[TIME]`, `XX:XX:XX`.
 */
const named =
  /__[A-Z][A-Z0-9_]*__|@[A-Za-z]\w*@|X{3}|\bX{1,2}[:-]X|(?<![$\w])\{[A-Za-z_][\w.]*(?:[:!][^{}\n]{0,40})?\}|%\([A-Za-z_]\w*\)[a-z]|<[A-Za-z][\w .:/-]*>|(?<!\w)\[[A-Z][A-Z_ ]*\]/i;

/** `--time=####_hours`, which sbatch takes for an empty value and a comment. */
const hashes = /(?:[= ]|^)#{3,}[A-Za-z_]/;

/** `<DATA_DIR>` in a command, which a shell takes for two redirections: what else is in it is not known either. */
const inCommand = /<[A-Z][A-Z0-9_]+>/;

/** Whether a directive of a script that another one writes holds something that the writer fills in. */
export function isFilledIn(directive: string): boolean {
  return engine.test(directive) || named.test(directive);
}

/**
 * A template is no script yet: that the scheduler refuses what is to be filled in is said once, where it is first written.
 * Of a directive with the code of a template engine, and of a command with `<DATA_DIR>`, nothing else is said; of others
 * only the errors of what is filled in.
 * The one finding that stays changes nothing by itself: what its fix would do depends on what will stand there.
 */
export function withoutTemplate(findings: readonly Finding[], text: ScriptText): Finding[] {
  let told = false;
  return findings.flatMap((finding) => {
    const line = text.slice(text.lineSpan(finding.start.line));
    const isError = finding.severity === 'error';
    const isDirective = /^\s*#/.test(line);
    if (!isDirective && inCommand.test(line)) return [];
    if (!(isDirective && engine.test(line)) && !(isError && isOpen(finding, line, text))) return [finding];
    if (told || !isError) return [];
    told = true;
    return [finding.fix ? { ...finding, fix: { ...finding.fix, keepsMeaning: false } } : finding];
  });
}

/** Whether an error is about something that is filled in. */
function isOpen({ id, start, end }: Finding, line: string, text: ScriptText): boolean {
  if (id === 'late-directive') return isFilledInWhole(text.slice(text.lineSpan(firstCommandOf(text))));
  const marked = start.line === end.line ? line.slice(start.character, end.character) : line;
  return engine.test(marked) || named.test(marked) || hashes.test(/^\s*#/.test(line) ? line : marked);
}

/** Whether a line is nothing but what is filled in: `@more_directives@`. Then no command stands there. */
function isFilledInWhole(line: string): boolean {
  return [engine, named].some((pattern) => pattern.exec(line.trim())?.[0] === line.trim());
}
