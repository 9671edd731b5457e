/** Names that several commands share, in one script or in several of a folder: changed everywhere or nowhere. */
import type { Invocation } from '../reading/invocations';
import { readScript } from '../reading/read-script';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import type { OffsetEdit, OffsetFix } from './fixes';

/** Where a script mentions a folder. */
interface Mentions {
  /** Places of the name, as options' values or as words of commands. */
  places: Span[];
  /** Whether the name also stands elsewhere, where changing it could mean anything. */
  elsewhere: boolean;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** All mentions of a folder's name in a script; comments do not count. */
function mentionsOf(script: Script, folder: string): Mentions {
  const places = new Map<number, Span>();
  const take = (start: number | undefined, end: number | undefined): void => {
    if (start === undefined || end === undefined) return;
    const raw = script.text.text.slice(start, end);
    const at = /^["']?(?:\.\/)?/.exec(raw)?.[0].length ?? 0;
    if (raw.startsWith(folder, at) && /^(?:\/|["']?$)/.test(raw.slice(at + folder.length)))
      places.set(start + at, { start: start + at, end: start + at + folder.length });
  };
  const inCommand = ({ options, operands }: Invocation): void => {
    for (const { valueStart, valueEnd } of options) take(valueStart, valueEnd);
    for (const { start, end } of operands) take(start, end);
  };
  script.invocations.forEach(inCommand);
  const name = new RegExp(`(?<![\\w.-])${escaped(folder)}(?![\\w.-])`, 'g');
  const elsewhere = script.text.lines.some(
    ({ text, offset }) =>
      !/^\s*#/.test(text) && [...text.matchAll(name)].some(({ index }) => !places.has(offset + index)),
  );
  return { places: [...places.values()], elsewhere };
}

/** What renaming a folder takes. */
interface Renaming {
  /** Names of other scripts of the folder that use it. */
  others: string[];
  /** The fix for all of them; undefined where a mention cannot be changed safely: then none may be. */
  fix: OffsetFix | undefined;
}

/**
 * The fix that renames a folder in a script and in the other scripts of its folder.
 * @param folder as the script writes it, without quotes
 * @param renamed what it becomes within double quotes
 */
export function renaming(script: Script, folder: string, renamed: string, title: string): Renaming {
  const own = mentionsOf(script, folder);
  let possible = !own.elsewhere;
  const others: NonNullable<OffsetFix['elsewhere']> = [];
  const names: string[] = [];
  for (const sibling of script.context.siblings?.() ?? []) {
    if (!sibling.text.includes(folder)) continue;
    const other = readScript(sibling.text, { scheduler: script.scheduler });
    const mentions = other && mentionsOf(other, folder);
    if (!mentions || (!mentions.places.length && !mentions.elsewhere)) continue;
    names.push(sibling.name);
    possible &&= !mentions.elsewhere;
    others.push({ path: sibling.path, text: sibling.text, edits: editsFor(other, mentions.places, renamed) });
  }
  const where = names.length ? `${title}, here and in ${names.join(', ')}` : title;
  const fix = { title: where, edits: editsFor(script, own.places, renamed), elsewhere: others };
  return { others: names, fix: possible ? fix : undefined };
}

/** Replaces each mention; where it is not within double quotes, the new name brings its own. */
function editsFor({ text }: Script, places: readonly Span[], renamed: string): OffsetEdit[] {
  return places.map((place) => {
    const before = text.text.slice(0, place.start).replace(/\.\/$/, '');
    const quote = /["']$/.exec(before)?.[0];
    if (quote === '"') return { ...place, newText: renamed };
    // Single quotes would keep the shell from filling the commit in: leave them, with the name outside.
    return { ...place, newText: quote === "'" ? `'"${renamed}"'` : `"${renamed}"` };
  });
}
