/** What a panel and the extension say to each other: discriminated unions, checked on both sides. */
import type { HistoryRecord, SampleDetails, SamplesResult } from '../server/protocol';

/** Extension -> samples panel. */
export type ToSamples =
  | { type: 'samples'; samples: SamplesResult; baseUri: string; value?: string }
  | { type: 'details'; details: SampleDetails[] }
  | { type: 'problem'; message: string };

/** Samples panel -> extension. */
export type FromSamples =
  | { type: 'ready' }
  | { type: 'details'; files: string[] }
  | { type: 'open'; file: string }
  | { type: 'copy'; text: string };

/** Extension -> history panel. */
export type ToHistory =
  { type: 'history'; records: HistoryRecord[]; problems: string[] } | { type: 'problem'; message: string };

/** History panel -> extension. */
export type FromHistory = { type: 'ready' } | { type: 'openRun'; run: string } | { type: 'copy'; text: string };
