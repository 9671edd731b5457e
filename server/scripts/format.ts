import type { TextEdit } from 'vscode-languageserver-textdocument';
import type { DirectiveLine, OptionUse } from './reading/directives';
import { readScript } from './reading/read-script';
import type { Script, ScriptContext } from './reading/script';

/**
 * The edits that put the directives in order: `#SBATCH --option=value`, long names with `=`, one space after the
 * keyword. Remarks, values, order and meaning stay as they are; lines with mistakes are left alone.
 */
export function formatDirectives(text: string, context?: ScriptContext): TextEdit[] {
  const script = readScript(text, context);
  if (!script) return [];
  const edits: TextEdit[] = [];
  for (const directive of script.activeLines) {
    const line = script.text.lineSpan(directive.line);
    const wanted = formatted(script, directive, line.end);
    if (wanted !== undefined && wanted !== script.text.slice(line))
      edits.push({ range: script.text.range(line), newText: wanted });
  }
  return edits;
}

/** A directive in its usual form; undefined for a line with mistakes. */
function formatted({ text, directives, scheduler }: Script, line: DirectiveLine, end: number): string | undefined {
  const uses = directives.options.filter((use) => use.line === line.line);
  const faulty = uses.some(
    (use) =>
      !use.option || (use.value !== undefined && use.value.line !== use.line) || directives.valueless.includes(use),
  );
  if (faulty || line.unclosedQuote !== undefined || (line.separator === undefined && uses.length === 0))
    return undefined;
  // A bundle (`-HQ`) or a stray word has another number of words than its options have.
  const known = uses.reduce((count, use) => count + (use.value && !attached(text.text, use) ? 2 : 1), 0);
  if (known !== line.tokens.length) return undefined;
  const words = uses.map((use) => spelled(text.text, use, scheduler === 'slurm'));
  const remark = line.comment === undefined ? '' : `  ${text.text.slice(line.comment, end).trimEnd()}`;
  return `#${line.keyword} ${[line.separator?.text.toLowerCase(), ...words].filter(Boolean).join(' ')}${remark}`;
}

/** Whether a value is written without a space after its option. */
function attached(text: string, use: OptionUse): boolean {
  return use.value !== undefined && !/\s/.test(text.slice(use.end, use.value.start));
}

/** An option with its long name, and its value as it was written. */
function spelled(text: string, use: OptionUse, slurm: boolean): string {
  const name = use.option?.name ?? use.spelling;
  if (!use.value) return name;
  return `${name}${slurm ? '=' : ' '}${text.slice(use.value.start, use.value.end)}`;
}
