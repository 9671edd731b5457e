/**
 * Text that a workspace, a cluster or a server wrote, before it reaches a terminal or the editor. Characters that a terminal
 * obeys, or that change the order in which a line is read, become visible escapes such as `\x1b` and `\u202e`: nothing is
 * lost, and nothing acts. Colours of our own are added afterwards.
 */

/** C0, DEL and C1, marks of direction, the two separators that editors take for line ends, halves of pairs. */
const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Longest text from a cluster that a notification shows, in characters. */
const LONGEST = 500;

/** Text of any number of lines; line ends (also CR LF) and tabs stay. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, (character, at: number) =>
    character === '\r' && text[at + 1] === '\n' ? '\r' : escapeOf(character),
  );
}

/** Text as one line: line ends and tabs become a space each. */
export function plainLine(text: string): string {
  return plainText(text.replace(/\r\n|[\n\t\r]/g, ' '));
}

/**
 * Text for a notification, an input box or another place where the editor makes links of `[x](y)` and icons of `$(x)`: one
 * line without either, cut to a length.
 */
export function noticeText(text: string, longest = LONGEST): string {
  const line = plainLine(text).replace(/\]\(/g, '] (').replace(/\$\(/g, '$ (').trim();
  return line.length > longest ? `…${line.slice(-longest)}` : line;
}

/** A value with every text in it as `plainLine` has it, keys as they are. For what is only shown, never for names of files. */
export function plainValue<T>(value: T): T {
  if (typeof value === 'string') return plainLine(value) as T;
  if (Array.isArray(value)) return value.map(plainValue) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plainValue(one as unknown)])) as T;
}

/** JSON on one or more lines: the same value, with the characters above as escapes of JSON. */
export function plainJson(value: unknown, space?: number): string {
  return JSON.stringify(value, null, space).replace(UNSAFE, (character) => `\\u${hex(character, 4)}`);
}

function escapeOf(character: string): string {
  return character.charCodeAt(0) < 0x100 ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
