/** A JSON schema as the editor needs it: what a key means, and what may be written below it. */

/** A schema, or the part of one for a value. */
export interface SchemaPart {
  description?: string;
  type?: string | string[];
  enum?: string[];
  default?: string | number | boolean;
  minimum?: number;
  required?: string[];
  properties?: Record<string, SchemaPart>;
  items?: SchemaPart;
  /** Other schemas that hold as well; only their first one is looked at. */
  allOf?: SchemaPart[];
  $ref?: string;
  definitions?: Record<string, SchemaPart>;
}

/** Stands in a path for any entry of a list. */
export const ENTRY = '-';

/** The part itself, where it only names another one. */
function resolved(schema: SchemaPart, part: SchemaPart | undefined): SchemaPart | undefined {
  const ref = part?.$ref ?? part?.allOf?.[0]?.$ref;
  const [name = '', , key] = ref?.replace('#/definitions/', '').split('/') ?? [];
  const whole = ref === undefined ? undefined : schema.definitions?.[name];
  const named = key === undefined ? whole : whole?.properties?.[key];
  // What stands beside the reference says more than what it refers to.
  return named ? { ...named, ...part } : part;
}

/**
 * The part of a schema for the value at a path.
 * @param path keys of maps; of a list's entry its index, or `ENTRY`
 */
export function partAt(schema: SchemaPart, path: readonly string[]): SchemaPart | undefined {
  let part: SchemaPart | undefined = schema;
  for (const key of path) {
    const isEntry = key === ENTRY || (part?.items !== undefined && /^\d+$/.test(key));
    // A key of the map and of nothing that it inherits, such as "constructor".
    const owned: SchemaPart | undefined =
      part?.properties && Object.hasOwn(part.properties, key) ? part.properties[key] : undefined;
    part = resolved(schema, isEntry ? part?.items : owned);
  }
  return part;
}

/** The keys of the map at a path, with the part of each. */
export function propertiesAt(schema: SchemaPart, path: readonly string[]): Record<string, SchemaPart> {
  const properties = Object.entries(partAt(schema, path)?.properties ?? {});
  return Object.fromEntries(properties.map(([key, part]) => [key, resolved(schema, part) ?? part]));
}
