import { mayHaveDirectives, schedulerOf } from './directives';
import { embeddedScripts, type EmbeddedScript } from './embedded';
import { Script, type ScriptContext } from './script';
import { ShellCode } from './shell-code';
import { ScriptText } from './text';

/** Reads a script; undefined for a text without directives of its own. */
export function readScript(text: string, context: ScriptContext = {}): Script | undefined {
  return readScripts(text, context)?.script;
}

/** What a text holds. */
interface ScriptsRead {
  text: ScriptText;
  /** The script itself; undefined where it has no directives of its own, as a program that writes scripts. */
  script: Script | undefined;
  /** The batch scripts within it. */
  embedded: readonly EmbeddedScript[];
}

/** Reads a script and finds the scripts within it; undefined for a text without any directives. */
export function readScripts(text: string, context: ScriptContext = {}): ScriptsRead | undefined {
  if (!context.scheduler && !mayHaveDirectives(text)) return undefined;
  const scriptText = new ScriptText(text);
  const code = new ShellCode(text);
  const scheduler = context.scheduler ?? schedulerOf(scriptText, code.isText);
  const script = scheduler && new Script(scriptText, scheduler, code, context);
  return { text: scriptText, script, embedded: code.hasTexts ? embeddedScripts(text, code.shell) : [] };
}
