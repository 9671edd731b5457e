import { mayHaveDirectives, schedulerOf } from './directives';
import { Script, type ScriptContext } from './script';
import { ScriptText } from './text';

/** Reads a script; undefined for a text without directives. */
export function readScript(text: string, context: ScriptContext = {}): Script | undefined {
  if (!context.scheduler && !mayHaveDirectives(text)) return undefined;
  const scriptText = new ScriptText(text);
  const scheduler = context.scheduler ?? schedulerOf(scriptText);
  return scheduler && new Script(scriptText, scheduler, context);
}
