/** Reading a script's code again after an edit: what the edit did not touch is taken over, and moved to where it is now. */
import type { ReaderState, Region } from './region';
import { lookAhead, ShellReader, valuesAfter, type Values } from './shell';

/** A text and its code. */
export interface RegionsOf {
  text: string;
  regions: readonly Region[];
}

/** How far two texts are equal, from their beginnings and from their ends; the two stretches never overlap. */
export interface CommonEnds {
  prefix: number;
  suffix: number;
}

/** Stretches that are compared at once. */
const block = 4096;

/** Finds what two texts have in common. */
export function commonEnds(a: string, b: string): CommonEnds {
  const most = Math.min(a.length, b.length);
  let prefix = 0;
  while (prefix + block <= most && a.slice(prefix, prefix + block) === b.slice(prefix, prefix + block)) prefix += block;
  while (prefix < most && a.charCodeAt(prefix) === b.charCodeAt(prefix)) prefix++;
  const left = most - prefix;
  const fromEnd = (text: string, count: number, length: number): string =>
    text.slice(text.length - count - length, text.length - count);
  let suffix = 0;
  while (suffix + block <= left && fromEnd(a, suffix, block) === fromEnd(b, suffix, block)) suffix += block;
  while (suffix < left && a.charCodeAt(a.length - suffix - 1) === b.charCodeAt(b.length - suffix - 1)) suffix++;
  return { prefix, suffix };
}

/**
 * Reads code after an edit. The result is what reading all of it gives.
 * @param earlier the code of a text that has something in common; its regions become part of the result, or are spent
 */
export function rereadRegions(earlier: RegionsOf, text: string): Region[] {
  const { prefix, suffix } = commonEnds(earlier.text, text);
  const { regions } = earlier;
  const kept = Math.max(
    0,
    regions.findLastIndex(({ start }) => start + lookAhead <= prefix),
  );
  const from = regions[kept];
  const rest = new Rest(regions, kept, text.length - earlier.text.length, text.length - suffix);
  const reader = new ShellReader(text, from, valuesAfter(regions.slice(0, kept)), rest);
  reader.read(from?.start ?? 0, text.length, 0);
  return [...regions.slice(0, kept), ...reader.regions, ...rest.take()];
}

/** What was read of the end of a text that is the same after an edit. */
class Rest {
  /** Values before the edit, before the region `at`. */
  private readonly old: Values;
  /** Index of the region that is reached next. */
  private at: number;
  private isReached = false;
  /** Names of variables whose values are other ones before and after the edit. */
  private readonly differing = new Set<string>();
  /** For each variable, the index of the last region that asks for its value. */
  private lastUses: ReadonlyMap<string, number> | undefined;
  /** How much of what was read anew is compared. */
  private compared = { regions: 0, settings: 0 };

  /**
   * @param first the region in which the edit begins
   * @param moved by how much everything after the edit moves
   * @param from offset in the edited text after which nothing changed
   */
  constructor(
    private readonly regions: readonly Region[],
    first: number,
    private readonly moved: number,
    private readonly from: number,
  ) {
    this.at = first;
    this.old = valuesAfter(regions.slice(0, first));
  }

  beginsAt(at: number, state: ReaderState, reader: ShellReader): boolean {
    if (at < this.from) return false;
    let region = this.regions[this.at];
    const names = new Set<string>();
    while (region && region.start + this.moved < at) {
      this.old.apply(region);
      for (const { name } of region.settings) names.add(name);
      region = this.regions[++this.at];
    }
    this.compare(names, reader);
    this.isReached = region !== undefined && region.start + this.moved === at && isSame(region.before, state) && !this.asksForDiffering(); // prettier-ignore
    return this.isReached;
  }

  /** The regions that need not be read, where they are after the edit. */
  take(): readonly Region[] {
    const rest = this.isReached ? this.regions.slice(this.at) : [];
    for (const region of rest) region.move(this.moved);
    return rest;
  }

  /** Looks at the variables that were set since the last time, before the edit (`names`) and after it. */
  private compare(names: Set<string>, { regions, values }: ShellReader): void {
    const { compared } = this;
    for (; ; compared.regions++, compared.settings = 0) {
      const { settings = [] } = regions[compared.regions] ?? {};
      for (; compared.settings < settings.length; compared.settings++)
        names.add(settings[compared.settings]?.name ?? '');
      if (compared.regions + 1 >= regions.length) break;
    }
    for (const name of names)
      if (values.peek(name) === this.old.peek(name)) this.differing.delete(name);
      else this.differing.add(name);
  }

  /** Whether what comes next, or anything after it, depends on a value that has changed. */
  private asksForDiffering(): boolean {
    if (this.differing.size === 0) return false;
    this.lastUses ??= new Map(
      this.regions.flatMap(({ uses }, index) => [...uses].map((name) => [name, index] as const)),
    );
    for (const name of this.differing) if ((this.lastUses.get(name) ?? -1) >= this.at) return true;
    return false;
  }
}

function isSame(a: ReaderState, b: ReaderState): boolean {
  return a.depth === b.depth && a.caseDepth === b.caseDepth && a.awaitingPattern === b.awaitingPattern;
}
