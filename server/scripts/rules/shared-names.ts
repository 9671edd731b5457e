/** Names that several commands share, in one script or in several of a folder: changed everywhere or nowhere. */
import { readScript } from '../reading/read-script';
import type { Script } from '../reading/script';
import { ScriptText } from '../reading/text';
import type { OffsetEdit, OffsetFix } from './fixes';

/** Where a script mentions a folder. */
interface Mentions {
  /** Offsets of the name, as options' values or as words of commands. */
  places: readonly number[];
  /** Whether the name also stands elsewhere, where changing it could mean anything. */
  elsewhere: boolean;
}

const quotes = `"'`;

/** With what a name goes on. */
const inName = /[\w.-]/;

/** All mentions of a folder's name in a script; comments do not count. */
function mentionsOf(script: Script, folder: string): Mentions {
  const { text } = script.text;
  const places = new Set<number>();
  const begins = new Set([...`"'.`, folder.charAt(0)].map((c) => c.charCodeAt(0)));
  const take = (start: number, end: number): void => {
    // There may be hundreds of thousands of words: most have another first letter.
    if (!begins.has(text.charCodeAt(start))) return;
    const place = placeIn(text, start, end, folder);
    if (place !== undefined) places.add(place);
  };
  for (const { options, operands } of script.invocationsAround(folder)) {
    for (const { valueStart, valueEnd } of options)
      if (valueStart !== undefined && valueEnd !== undefined) take(valueStart, valueEnd);
    for (const { start, end } of operands) take(start, end);
  }
  return { places: [...places], elsewhere: standsElsewhere(script, folder, places) };
}

/** Where a folder's name begins in a word, if that is the folder or something in it. */
function placeIn(text: string, start: number, end: number, folder: string): number | undefined {
  let from = quotes.includes(text.charAt(start)) ? start + 1 : start;
  if (text[from] === '.' && text[from + 1] === '/') from += 2;
  const after = from + folder.length;
  if (after > end || !text.startsWith(folder, from)) return undefined;
  const isWhole = after === end || text[after] === '/' || (after + 1 === end && quotes.includes(text.charAt(after)));
  return isWhole ? from : undefined;
}

/** Whether a folder's name also stands where it is no word of a command, and no comment. */
function standsElsewhere({ text: script }: Script, folder: string, places: ReadonlySet<number>): boolean {
  const { text } = script;
  let next = 1;
  for (let at = text.indexOf(folder); at >= 0; at = text.indexOf(folder, at + next)) {
    const isPart = inName.test(text.charAt(at - 1)) || inName.test(text.charAt(at + folder.length));
    if (!isPart && !places.has(at) && !/^\s*#/.test(script.slice(script.lineSpan(script.lineAt(at))))) return true;
    next = isPart ? 1 : Math.max(1, folder.length);
  }
  return false;
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
    others.push({ path: sibling.path, text: sibling.text, edits: editsFor(other, mentions.places, folder, renamed) });
  }
  const where = names.length ? `${title}, here and in ${names.join(', ')}` : title;
  const fix = { title: where, edits: editsFor(script, own.places, folder, renamed), elsewhere: others };
  return { others: names, fix: possible ? fix : undefined };
}

/** Names that are looked for in all scripts of a folder; each takes a look through all of them. */
const MOST_NAMES = 20;

/**
 * Changes of names that are wrong wherever they stand (a misspelt network, the address of a container), one for each name:
 * at all places of a script and of the other scripts of its folder. Comments stay.
 */
export class SharedChanges {
  private readonly told = new Set<string>();

  constructor(private readonly script: Script) {}

  /** Whether a name comes for the first time: one finding is enough for all of its places. */
  isFirst(name: string): boolean {
    if (this.told.has(name)) return false;
    this.told.add(name);
    return true;
  }

  /**
   * @param name as it is written at each place
   * @param by what it becomes
   * @returns the change, and the other scripts that it is for; only this script's place `first` where there are too many names
   */
  change(name: string, by: string, title: string, first: number): Pick<Renaming, 'others'> & { fix: OffsetFix } {
    const editsIn = (places: readonly number[]): OffsetEdit[] =>
      places.map((start) => ({ start, end: start + name.length, newText: by }));
    if (this.told.size > MOST_NAMES) return { others: [], fix: { title, edits: editsIn([first]) } };
    const elsewhere = (this.script.context.siblings?.() ?? []).flatMap(({ path, name: file, text }) => {
      const places = placesOf(new ScriptText(text), name);
      return places.length ? [{ file, path, text, edits: editsIn(places) }] : [];
    });
    const others = elsewhere.map(({ file }) => file);
    const places = new Set([first, ...placesOf(this.script.text, name)]);
    const edits = editsIn([...places].sort((a, b) => a - b));
    const where = [...(edits.length > 1 ? [`at ${edits.length} places`] : []), ...(others.length ? [`in ${others.join(', ')}`] : [])]; // prettier-ignore
    return {
      others,
      fix: {
        title: where.length ? `${title}, ${edits.length > 1 ? '' : 'here and '}${where.join(' and ')}` : title,
        edits,
        elsewhere: elsewhere.map(({ path, text, edits: own }) => ({ path, text, edits: own })),
      },
    };
  }
}

/** Where a name stands whole, except in comments. */
function placesOf(script: ScriptText, name: string): number[] {
  const { text } = script;
  const places: number[] = [];
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
    const isPart = inName.test(text.charAt(at - 1)) || /^(?:[\w/-]|\.\w)/.test(text.slice(at + name.length, at + name.length + 2)); // prettier-ignore
    if (!isPart && !/^\s*#/.test(script.slice(script.lineSpan(script.lineAt(at))))) places.push(at);
  }
  return places;
}

/** Who else uses a name, as the end of a message. */
export function alsoIn(others: readonly string[]): string {
  return others.length ? `; ${others.join(', ')} ${others.length > 1 ? 'use' : 'uses'} it too` : '';
}

/** Replaces each mention of `folder`; where it is not within double quotes, the new name brings its own. */
function editsFor(
  { text: { text } }: Script,
  places: readonly number[],
  folder: string,
  renamed: string,
): OffsetEdit[] {
  return places.map((start) => {
    const isHere = text[start - 1] === '/' && text[start - 2] === '.';
    const quote = text[start - (isHere ? 3 : 1)];
    // Single quotes would keep the shell from filling the commit in: leave them, with the name outside.
    const newText = quote === '"' ? renamed : quote === "'" ? `'"${renamed}"'` : `"${renamed}"`;
    return { start, end: start + folder.length, newText };
  });
}
