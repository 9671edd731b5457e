import type { SchedulerName } from '../../shared/scheduler-name';
import { commonEnds } from './edited-code';
import { mayHaveDirectives, parseDirectives, schedulerOf, type Directives } from './directives';
import { embeddedScripts, type EmbeddedScript } from './embedded';
import { Script, type ScriptContext } from './script';
import { ShellCode } from './shell-code';
import { ScriptText } from './text';

/**
 * Reads a script beside others: a sibling of the one at hand, one within it, one that was made. Undefined for a text
 * without directives of its own.
 */
export function readScript(text: string, context: ScriptContext = {}): Script | undefined {
  return asScripts(text, context, readingOf)?.script;
}

/** What a text holds. */
interface ScriptsRead {
  text: ScriptText;
  /** The script itself; undefined where it has no directives of its own, as a program that writes scripts. */
  script: Script | undefined;
  /** The batch scripts within it. */
  embedded: readonly EmbeddedScript[];
}

/**
 * Reads a document that may be edited, and finds the scripts within it; undefined for a text without any directives. What
 * was read of an earlier version becomes part of this one: a rule reads other scripts with `readScript`, as what it holds of
 * the script at hand would move.
 */
export function readScripts(text: string, context: ScriptContext = {}): ScriptsRead | undefined {
  return asScripts(text, context, documentOf);
}

function asScripts(
  text: string,
  context: ScriptContext,
  find: (text: string, named: SchedulerName | undefined) => Reading,
): ScriptsRead | undefined {
  if (!context.scheduler && !mayHaveDirectives(text)) return undefined;
  const { scriptText, code, scheduler, directives, embedded } = find(text, context.scheduler);
  const script = scheduler && directives && new Script(scriptText, code, directives, context);
  return { text: scriptText, script, embedded };
}

/** What a text says by itself, whatever else is known. */
interface Reading {
  text: string;
  /** The scheduler that the caller named. */
  named: SchedulerName | undefined;
  scriptText: ScriptText;
  code: ShellCode;
  scheduler: SchedulerName | undefined;
  directives: Directives | undefined;
  embedded: readonly EmbeddedScript[];
}

/** The documents read last: an editor asks many things about one version, and then about the next. */
const documents: Reading[] = [];
/** The other scripts read last. */
const others: Reading[] = [];
const mostRecent = 4;

function documentOf(text: string, named: SchedulerName | undefined): Reading {
  const known = take(documents, (one) => one.named === named && one.text === text);
  return remember(documents, known ?? read(text, named, take(documents, (one) => isVersion(one.text, text))?.code));
}

function readingOf(text: string, named: SchedulerName | undefined): Reading {
  const isIt = (one: Reading): boolean => one.named === named && one.text === text;
  return documents.find(isIt) ?? remember(others, take(others, isIt) ?? read(text, named));
}

function take(readings: Reading[], isWanted: (one: Reading) => boolean): Reading | undefined {
  const index = readings.findIndex(isWanted);
  return index < 0 ? undefined : readings.splice(index, 1)[0];
}

function remember(readings: Reading[], reading: Reading): Reading {
  readings.unshift(reading);
  if (readings.length > mostRecent) readings.pop();
  return reading;
}

/** Whether two texts are versions of one: at least half of them is the same. */
function isVersion(earlier: string, text: string): boolean {
  const { prefix, suffix } = commonEnds(earlier, text);
  return prefix + suffix >= Math.max(earlier.length, text.length) / 2;
}

function read(text: string, named: SchedulerName | undefined, earlier?: ShellCode): Reading {
  const scriptText = new ScriptText(text);
  const code = new ShellCode(text, earlier);
  const scheduler = named ?? schedulerOf(scriptText, code.isText);
  const directives = scheduler && parseDirectives(scriptText, scheduler, code.isText);
  const embedded = code.hasTexts ? embeddedScripts(text, code.shell) : [];
  return { text, named, scriptText, code, scheduler, directives, embedded };
}
