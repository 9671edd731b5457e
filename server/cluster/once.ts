/** Texts that are parsed only once: ten thousand jobs have few different limits, sizes and reasons. */

/** @param read its result must depend on the text only */
export function once<T>(read: (text: string) => T): (text: string) => T {
  const seen = new Map<string, T>();
  return (text) => {
    const known = seen.get(text);
    if (known !== undefined || seen.has(text)) return known as T;
    const value = read(text);
    seen.set(text, value);
    return value;
  };
}
