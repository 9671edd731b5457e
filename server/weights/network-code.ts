/**
 * Whether the source that a pickled network carries is code that its authors published. Only what the network uses counts:
 * its classes, and the functions, constants and imports that they name. Nothing is executed.
 */
import { createHash } from 'node:crypto';
import { PUBLISHED_CODE } from './published-code.gen';
import { pythonStatements, type Statement } from './python-statements';
import { PythonError } from './python-tokens';
import { shortName } from './value-text';

/** What is known of a network's code. */
export type CodeFinding =
  /** All of it is in a version that was published. */
  | { readonly is: 'published' }
  /** The file holds no source. */
  | { readonly is: 'absent' }
  /** Some of it is not. */
  | {
      readonly is: 'other';
      /** What differs, in words: names of classes and functions. */ readonly differs: readonly string[];
    };

/** One class of a network, and the source of the module that defines it. */
export interface UsedClass {
  readonly className: string;
  readonly source: string;
}

/** More modules than any network comes from. */
const MAX_SOURCES = 8;
/** Differences that are kept, and names that a message lists. */
const MAX_DIFFERENCES = 32;
const MAX_NAMES = 6;
/** What files have in the place of a source that was taken out. */
const NO_SOURCE = new Set(['', 'source removed']);
/** Python's own names that networks use. */
const BUILTINS = new Set(
  'abs all any bool callable dict divmod enumerate filter float getattr globals hasattr int isinstance iter len list map max min next object pow print range repr reversed round set setattr sorted str sum super tuple type zip ValueError'.split(
    ' ',
  ),
);
/** Hexadecimal digits of a digest: 128 bits. */
const DIGITS = 32;

/** Digests of one module: by the name that the statements bind, and of what acts by itself. */
export interface ModuleDigests {
  readonly names: ReadonlyMap<string, { readonly digest: string; readonly uses: ReadonlySet<string> }>;
  readonly acts: readonly string[];
}

/**
 * The digests of a module without its layout, comments and docstrings.
 * @throws PythonError
 */
export function moduleDigests(source: string): ModuleDigests {
  const statements = pythonStatements(source);
  const byName = new Map<string, Statement[]>();
  for (const statement of statements) {
    for (const name of new Set(statement.binds)) byName.set(name, [...(byName.get(name) ?? []), statement]);
  }
  const names = new Map(
    [...byName].map(([name, list]) => [
      name,
      { digest: digestOf(list), uses: new Set(list.flatMap(({ uses }) => [...uses])) },
    ]),
  );
  return { names, acts: statements.filter(({ acts }) => acts).map((statement) => digestOf([statement])) };
}

function digestOf(statements: readonly Statement[]): string {
  const hash = createHash('sha256');
  for (const { text } of statements) hash.update(text).update('\n');
  return hash.digest('hex').slice(0, DIGITS);
}

/** Whether a statement makes a class that pickles with its source, so that those in use are known. */
export function isPersistent({ text, binds }: Statement): boolean {
  return binds.length === 1 && /^\(@\(\. persistence persistent_class\) class /.test(text);
}

/** Compares the classes of a network with those that were published. */
export function checkCode(used: Iterable<UsedClass>, families: readonly Family[] = PUBLISHED_CODE): CodeFinding {
  const bySource = new Map<string, Set<string>>();
  for (const { className, source } of used) {
    const classes = bySource.get(source) ?? new Set();
    bySource.set(source, classes.add(className));
    if (bySource.size > MAX_SOURCES) return { is: 'other', differs: [`it has more than ${MAX_SOURCES} modules`] };
  }
  const sources = [...bySource];
  if (sources.every(([source]) => NO_SOURCE.has(source.trim()))) return { is: 'absent' };
  const differs = new Set(sources.flatMap(([source, classes]) => differencesOf(source, classes, families)));
  return differs.size
    ? { is: 'other', differs: [...differs].slice(0, MAX_DIFFERENCES).map(shortName) }
    : { is: 'published' };
}

/** What differs, as one list of words for a message. */
export function differenceText(differs: readonly string[]): string {
  const more = differs.length - MAX_NAMES;
  return differs.slice(0, MAX_NAMES).map(shortName).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The published versions of one module. */
export type Family = Pick<(typeof PUBLISHED_CODE)[number], 'digests' | 'acts' | 'persistent'>;

function differencesOf(source: string, classes: ReadonlySet<string>, families: readonly Family[]): string[] {
  let module: ModuleDigests;
  try {
    module = moduleDigests(source);
  } catch (error) {
    if (error instanceof PythonError) return [`its source cannot be read: ${error.message}`];
    throw error;
  }
  if (![...classes].some((name) => module.names.has(name))) return ['its source has none of its classes'];
  // A network's classes are of one family: that which knows most of them.
  const known = (family: Family): number => [...classes].filter((name) => family.digests.has(name)).length;
  const family = [...families].sort((a, b) => known(b) - known(a))[0]!;
  const names = differingNames(module, family, classes);
  if (module.acts.some((digest) => !family.acts.has(digest))) names.push('code outside of its classes');
  return names;
}

/** The classes, and what they use, of which this module has another version. */
function differingNames(module: ModuleDigests, family: Family, classes: ReadonlySet<string>): string[] {
  const differing: string[] = [];
  const isUsed = (name: string): boolean =>
    family.digests.has(name)
      ? // A class that pickles itself is used where the network has one.
        !family.persistent.has(name) || classes.has(name)
      : // Other names are variables of functions, unless the module gives one of Python's another meaning.
        BUILTINS.has(name) && module.names.has(name);
  const seen = new Set(classes);
  for (const name of seen) {
    const own = module.names.get(name);
    const published = family.digests.get(name);
    if (!own || !published?.includes(own.digest)) {
      differing.push(own ? name : `${name} (not in its source)`);
      continue;
    }
    for (const one of own.uses) if (isUsed(one)) seen.add(one);
  }
  return differing;
}
