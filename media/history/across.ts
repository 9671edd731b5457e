/** What a chart of the history has across: commits, or evaluations per image. No DOM. */
import type { HistoryRecord } from '../../server/shared/protocol';
import { DEFAULT_SOLVER } from '../../server/shared/solvers';
import { countOf } from '../../server/shared/number-text';
import { dateText } from '../facts';

/** A place across. */
export interface Slot {
  /** Results of one key lie in one slot. */
  key: string;
  /** Its label. */
  short: string;
  /** What is said of it beyond its label. */
  detail: string;
}

/** One way of arranging results across. */
export interface Across {
  /** Its name in the panel. */
  title: string;
  /** Slots from left to right. @param timed results in the order they were measured */
  slots(timed: readonly HistoryRecord[]): Slot[];
  /** The slot of a result; undefined where it has none. */
  keyOf(record: HistoryRecord): string | undefined;
  /** What a line stands for. @param severalNetworks whether the results are of more than one network */
  seriesOf(record: HistoryRecord, severalNetworks: boolean): string;
  /** Whether a line goes through the newest result of each slot only, as the others would make it jump. */
  newestOnly: boolean;
}

/** Names of the ways, the usual one first. */
export const ACROSS_NAMES = ['commit', 'nfe'] as const;
/** One of `ACROSS_NAMES`. */
export type AcrossName = (typeof ACROSS_NAMES)[number];

/** All ways. */
export const ACROSS: Readonly<Record<AcrossName, Across>> = {
  commit: { title: 'Commit', slots: commitSlots, keyOf: ({ code }) => code.commit, seriesOf: ({ name }) => name, newestOnly: false },
  nfe: {
    title: 'Evaluations (NFE)',
    slots: evaluationSlots,
    keyOf: ({ sampler }) => (sampler ? String(sampler.nfe) : undefined),
    seriesOf: solverText,
    newestOnly: true,
  },
}; // prettier-ignore

/** Each commit once, by author date; of equal dates the one measured first. */
function commitSlots(timed: readonly HistoryRecord[]): Slot[] {
  const first = new Map<string, { code: HistoryRecord['code']; at: number }>();
  for (const { code } of timed)
    if (!first.has(code.commit)) first.set(code.commit, { code, at: Date.parse(code.date) });
  return [...first.values()]
    .sort((a, b) => a.at - b.at)
    .map(({ code: { commit, short, subject, date } }) => ({
      key: commit,
      short,
      detail: `${subject}, ${dateText(date)}`,
    }));
}

/** Each number of evaluations once, rising, evenly spaced. */
function evaluationSlots(timed: readonly HistoryRecord[]): Slot[] {
  const numbers = new Set(timed.flatMap(({ sampler }) => sampler?.nfe ?? []));
  return [...numbers]
    .sort((a, b) => a - b)
    .map((nfe) => ({ key: String(nfe), short: `NFE ${nfe}`, detail: `${countOf(nfe, 'network evaluation')} per image` }));
} // prettier-ignore

/** The solver and what else makes it another one: `unipc 3 bh2`, `dpmpp-2m, own levels`, `heun, S_churn 40`. */
function solverText({ sampler, network }: HistoryRecord, severalNetworks: boolean): string {
  const { solver = DEFAULT_SOLVER, order, variant, heun_on, sigmas, disc, S_churn = 0, churn } = sampler ?? {};
  const name = [solver, order, variant, heun_on === 'D' ? 'on D' : undefined].filter((part) => part !== undefined);
  const levels = sigmas ? 'own levels' : disc && disc !== 'edm' ? disc : undefined;
  const noise = churn ? 'own churn' : S_churn > 0 ? `S_churn ${S_churn}` : undefined;
  return [name.join(' '), levels, noise, severalNetworks ? network?.name : undefined]
    .filter((part) => part !== undefined)
    .join(', ');
}
