import { mayHaveDirectives, schedulerOf } from './directives';
import { BatchScript, type ScriptContext } from './script';
import { ScriptText } from './text';

/** A script ready for questions; undefined for a text without directives. */
export function readScript(text: string, context: ScriptContext = {}): BatchScript | undefined {
  if (!context.scheduler && !mayHaveDirectives(text)) return undefined;
  const scriptText = new ScriptText(text);
  const scheduler = context.scheduler ?? schedulerOf(scriptText);
  return scheduler && new BatchScript(scriptText, scheduler, context);
}
