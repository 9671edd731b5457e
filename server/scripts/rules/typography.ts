/** Dashes and quotes that word processors put in the place of hyphens and straight quotes. */
import type { OptionSpec } from '../catalogue/option-spec';
import { optionNamed } from '../catalogue/options';
import type { OptionUse, Token } from '../reading/directives';
import type { Script } from '../reading/script';
import { checkValue } from '../reading/value-checks';
import { keeping, replace } from './fixes';
import { hit, type Hit } from './rule';

const dash = /[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/;
const dashes = new RegExp(dash.source, 'g');
/** A word that would be an option but for its dash. */
export const typographicDash = new RegExp(`^-?${dash.source}+-?(?=[A-Za-z])`);
const quotes = /[\u2018-\u201f\u00ab\u00bb]/g;

/** A value with such a character. */
export const typographic = new RegExp(`${dash.source}|${quotes.source}`);

/** Options with such dashes, and values with such dashes or quotes. */
export function* typographicCharacters(script: Script): Generator<Hit> {
  const late = new Set(script.directives.lines.flatMap((directive) => (directive.late ? [directive.line] : [])));
  for (const token of script.directives.strays)
    if (!late.has(token.line) && typographicDash.test(token.text)) yield dashedOption(script, token);
  for (const use of script.activeOptions) if (use.value && use.option) yield* valueOf(script, use, use.value);
}

function dashedOption(script: Script, token: Token): Hit {
  const written = typographicDash.exec(token.text)?.[0] ?? '';
  const name = /^[A-Za-z][\w-]*/.exec(token.text.slice(written.length))?.[0] ?? '';
  const hyphens = name.length > 1 && optionNamed(script.scheduler, `-${name}`) === undefined ? '--' : '-';
  const option = optionNamed(script.scheduler, hyphens + name);
  const complete = token.text.includes('=') || (option && completeOn(script, token.line, token.end, option));
  const fix = replace(
    { start: token.start, end: token.start + written.length },
    hyphens,
    `Change to ${hyphens}${name}`,
  );
  const command = script.scheduler === 'slurm' ? 'sbatch' : 'bsub';
  return hit(
    { start: token.start, end: token.end },
    `"${written}" is a typographic dash: ${command} refuses the word`,
    {
      fix: complete ? keeping(fix) : fix,
    },
  );
}

/** Whether an option that ends at an offset would not take its value from the next line. */
export function completeOn({ directives }: Script, line: number, end: number, { argument }: OptionSpec): boolean {
  if (argument === 'none' || argument === 'optional') return true;
  const tokens = directives.lines.find((directive) => directive.line === line)?.tokens ?? [];
  const next = tokens.find(({ start }) => start >= end);
  return next !== undefined && !next.text.startsWith('-');
}

function* valueOf(script: Script, { option, spelling, line }: OptionUse, value: Token): Generator<Hit> {
  if (!option || value.line !== line) return;
  const raw = script.text.slice(value);
  const straight = raw.replace(quotes, '');
  const plain = straight.replace(dashes, '-');
  if (plain === raw) return;
  const refused = checkValue(option, value.text) !== undefined;
  // In a name or a path, a dash may be meant; quotes around the whole value are not.
  if (!refused && (straight === raw || !/^[\u2018-\u201f\u00ab].*[\u2018-\u201f\u00bb]$/.test(value.text))) return;
  const wanted = refused ? plain : /\s/.test(straight) ? `"${straight}"` : straight;
  const fix = replace(value, wanted);
  yield hit(value, `${spelling} has a typographic ${dash.test(raw) ? 'dash' : 'quote'} in its value`, {
    severity: refused ? undefined : 'warning',
    fix: refused && !checkValue(option, wanted.replace(/["']/g, '')) ? keeping(fix) : fix,
  });
}
