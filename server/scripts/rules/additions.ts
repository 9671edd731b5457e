/** What would change if directives that the scheduler ignores took effect. */
import { parseDirectives } from '../reading/directives';
import { FILLED_IN } from '../reading/embedded';
import type { Script } from '../reading/script';
import { ScriptText } from '../reading/text';
import { checkValue } from '../reading/value-checks';
import { excluding } from './exclusions';

/** The options that directives name, for a message: `--time, --mem`. Empty where none can be read. */
export function optionsIn(script: Script, directives: readonly string[]): string {
  const { options } = parseDirectives(new ScriptText(directives.join('\n')), script.scheduler);
  return options.map(({ option, spelling }) => option?.name ?? spelling).join(', ');
}

/**
 * Whether directives that are ignored now would only add to what the scheduler reads: all of their options are right,
 * none is given already, and none excludes another one. Only then does switching them on change nothing else.
 * @param directives whole lines, as they would be
 */
export function addsOnly(script: Script, directives: readonly string[]): boolean {
  const text = directives.join('\n');
  if (text.includes(FILLED_IN)) return false;
  const { options, strays, valueless, lines } = parseDirectives(new ScriptText(text), script.scheduler);
  if (strays.length || valueless.length || lines.length !== directives.length) return false;
  if (lines.some(({ separator, unclosedQuote }) => separator !== undefined || unclosedQuote !== undefined))
    return false;
  if (script.components.length > 1) return false;
  const there = new Set(script.activeOptions.map(({ option }) => option?.name));
  const seen = new Set<string>();
  for (const { option, value, line } of options) {
    if (!option || there.has(option.name) || seen.has(option.name)) return false;
    if (option.argument === 'none' ? value : value && (value.line !== line || checkValue(option, value.text)))
      return false;
    seen.add(option.name);
  }
  return excluding([...there, ...seen].filter((name) => name !== undefined)).length === 0;
}
