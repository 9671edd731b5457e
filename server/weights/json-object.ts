/** Far more than any metadata has. Deeper ones overflow the stack where they are written again. */
const MAX_DEPTH = 64;

/** The object that a text holds as JSON; undefined for any other text, and for one that is nested too deeply. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The value that a text holds as JSON; undefined for any other text, and for one that is nested too deeply. */
export function parseJson(text: string): unknown {
  try {
    return isShallow(text) ? (JSON.parse(text) as unknown) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether brackets outside of strings are not nested too deeply. Looked at before parsing, which takes seconds for a million. */
function isShallow(text: string): boolean {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isString) {
      if (character === '\\') at++;
      else if (character === '"') isString = false;
    } else if (character === '"') isString = true;
    else if (character === '[' || character === '{') {
      if (++depth > MAX_DEPTH) return false;
    } else if (character === ']' || character === '}') depth--;
  }
  return true;
}
