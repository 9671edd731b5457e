import type { OptionUse } from './reading/directives';
import { readScript } from './reading/read-script';
import type { ScriptContext } from './reading/script';
import type { TextEdit } from './reading/text';

/**
 * Puts the directive block in order, as edits: `#SBATCH --option=value`, long names with `=`, one blank behind the
 * keyword, remarks kept. Values, order and meaning stay as they are; lines with faults are left alone.
 */
export function formatDirectives(text: string, context?: ScriptContext): TextEdit[] {
  const script = readScript(text, context);
  if (!script) return [];
  const edits: TextEdit[] = [];
  for (const directive of script.directives.lines) {
    const line = script.text.lines[directive.line];
    const uses = script.directives.options.filter((use) => use.line === directive.line);
    const faulty = uses.some(
      (use) =>
        !use.option ||
        (use.value !== undefined && use.value.line !== use.line) ||
        script.directives.valueless.includes(use),
    );
    const known = uses.reduce((count, use) => count + 1 + (use.value && !attached(text, use) ? 1 : 0), 0);
    if (
      !line ||
      directive.late ||
      faulty ||
      directive.unclosedQuote !== undefined ||
      (directive.separator === undefined && uses.length === 0)
    )
      continue;
    // A bundle (`-HQ`) or a stray word has other numbers of words than options: left alone.
    if (known !== directive.tokens.length) continue;
    const words = uses.map((use) => spelled(text, use, script.scheduler === 'slurm'));
    const remark =
      directive.comment === undefined
        ? ''
        : `  ${text.slice(directive.comment, line.offset + line.text.length).trimEnd()}`;
    const wanted = `#${directive.keyword} ${[directive.separator?.text.toLowerCase(), ...words].filter(Boolean).join(' ')}${remark}`;
    if (wanted !== line.text) edits.push({ ...script.text.lineRange(directive.line), newText: wanted });
  }
  return edits;
}

function attached(text: string, use: OptionUse): boolean {
  return use.value !== undefined && !/\s/.test(text.slice(use.end, use.value.start));
}

function spelled(text: string, use: OptionUse, slurm: boolean): string {
  const name = use.option?.name ?? use.spelling;
  if (!use.value) return name;
  return `${name}${slurm ? '=' : ' '}${text.slice(use.value.start, use.value.end)}`;
}
