/** What a script names that can be opened: files, folders and addresses. Whether a file is there is for the caller to say. */
import type { Script } from './reading/script';
import type { Span } from './reading/text';
import type { Scopes } from './scopes';

/** A stretch that names something; offsets count in the whole text. */
export interface ScriptLink extends Span {
  kind: 'file' | 'folder' | 'address';
  /** The path as the shell gets it, or the address. */
  target: string;
}

/** More than these in one script are not looked for. */
const most = 1000;
const address = /https?:\/\/[^\s"'`<>\\)\]}|;]+/g;
/** What no path has that a script names in full. */
const unlike = /[*?<>|\n\0\ue000]|^-|^\w+:\/\/|\s$/;
/** Options of directives that name a folder to work in. */
const folders = new Set(['--chdir', '-cwd', '-outdir']);

/** Everything that can be opened, in no particular order. */
export function linksOf({ text, scopes }: Scopes): ScriptLink[] {
  const found: ScriptLink[] = [];
  for (const { 0: whole, index } of text.text.matchAll(address)) {
    const target = whole.replace(/[.,:]$/, '');
    found.push({ kind: 'address', target, start: index, end: index + target.length });
    if (found.length >= most) break;
  }
  for (const { script, outer } of scopes)
    for (const { kind, target, ...span } of pathsOf(script)) {
      if (found.length >= 2 * most) return found;
      found.push({ kind, target, ...outer(span) });
    }
  return found;
}

function* pathsOf(script: Script): Generator<ScriptLink> {
  for (const { option, value } of script.activeOptions) {
    if (!value || !option || unlike.test(value.text)) continue;
    const { start, end, text } = value;
    if (folders.has(option.name)) yield { kind: 'folder', target: text, start, end };
    else if (option.type === 'path') yield { kind: 'file', target: text, start, end };
    else if (option.type === 'log') yield* logPlace(text, start, end);
  }
  for (const { name, options, operands } of script.invocations) {
    const words = operands.includes(name) ? operands : [name, ...operands];
    for (const { text, start, end } of words)
      if (text !== undefined && looksLikePath(text)) yield { kind: 'file', target: text, start, end };
    for (const { value, valueStart, valueEnd } of options)
      if (value !== undefined && valueStart !== undefined && valueEnd !== undefined && looksLikePath(value))
        yield { kind: 'file', target: value, start: valueStart, end: valueEnd };
  }
}

/** A log whose name is known is a file; of another, the folder that it goes to is. */
function* logPlace(text: string, start: number, end: number): Generator<ScriptLink> {
  if (!text.includes('%')) yield { kind: 'file', target: text, start, end };
  const slash = text
    .slice(0, (text.indexOf('%') + text.length + 1) % (text.length + 1) || text.length)
    .lastIndexOf('/');
  if (slash > 0) yield { kind: 'folder', target: text.slice(0, slash), start, end };
}

/** A word that is a path if there is such a file: it has a folder or an extension. */
function looksLikePath(text: string): boolean {
  return text.length < 1024 && /[^/.]/.test(text) && /\/|\.\w+$/.test(text) && !unlike.test(text);
}
