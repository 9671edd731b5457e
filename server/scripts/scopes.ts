/** The scripts of a text one by one: the script itself and those within it, each with its own variables and its places. */
import { readScript, readScripts } from './reading/read-script';
import type { Script } from './reading/script';
import type { ScriptText, Span } from './reading/text';

/** One script, and where its stretches are in the whole text. */
export interface Scope {
  script: Script;
  outer: (span: Span) => Span;
}

/** All scripts of a text, the outermost first; none for a text without directives. */
export interface Scopes {
  text: ScriptText;
  scopes: readonly Scope[];
}

/** Finds the scripts of a text; undefined for one without any directives. */
export function scopesOf(text: string): Scopes | undefined {
  const read = readScripts(text);
  if (!read) return undefined;
  const own = read.script ? [{ script: read.script, outer: (span: Span) => span }] : [];
  const inner = read.embedded.flatMap(({ text: code, outer }): Scope[] => {
    const script = readScript(code);
    return script ? [{ script, outer }] : [];
  });
  return { text: read.text, scopes: [...own, ...inner] };
}

/** The innermost script that holds an offset of the whole text. */
export function scopeAt({ scopes }: Scopes, offset: number): Scope | undefined {
  return scopes.findLast(({ script, outer }) => {
    const { start, end } = outer({ start: 0, end: script.text.text.length });
    return start <= offset && offset <= end;
  });
}
