const MAX_LENGTH = 80;
const MAX_ITEMS = 8;

/**
 * A value from a file in a few words, for messages. Whatever it is (a list that contains itself, two to the fortieth
 * lists, a text of megabytes), this takes no time and gives one line.
 */
export function valueText(value: unknown): string {
  if (!Array.isArray(value)) return simple(value);
  const items = (value as unknown[]).slice(0, MAX_ITEMS).map(simple);
  return `[${items.join()}${value.length > MAX_ITEMS ? ',...' : ''}]`;
}

function simple(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > MAX_LENGTH ? `${value.slice(0, MAX_LENGTH)}...` : value);
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value).slice(0, MAX_LENGTH);
    case 'undefined':
      return 'missing';
    default:
      return value === null ? 'None' : Array.isArray(value) ? 'a list' : value instanceof Map ? 'a dict' : 'an object';
  }
}

/** A name or a reason from a file: in one line, and as it is if it is short. */
export function shortName(name: string): string {
  const line = name.slice(0, MAX_LENGTH).replace(/\p{Cc}/gu, '?');
  return name.length > MAX_LENGTH ? `${line}...` : line;
}
