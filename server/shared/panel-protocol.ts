/**
 * What a panel and the extension say to each other: discriminated unions, checked on both sides.
 * A panel builds its whole page itself: the HTML around it is a head with the CSP, one stylesheet link and one script.
 * The extension sends nothing before `ready`. Sending `samples` or `history` again brings the panel up to date in place.
 */
import type {
  Calibration,
  ClusterInfo,
  HistoryRecord,
  JobAction,
  QueueState,
  SampleDetails,
  SamplesResult,
  TrajectoryResult,
} from './protocol';

/** Extension -> samples panel. */
export type ToSamples =
  /** `baseUri` stands for `samples.folder`; `value` replaces the line of results that the manifest would give. */
  | { type: 'samples'; samples: SamplesResult; baseUri: string; value?: string }
  /** Answer to `details`: one entry for each file asked for, in one message or several. */
  | { type: 'details'; details: SampleDetails[] }
  | { type: 'problem'; message: string };

/** Samples panel -> extension. */
export type FromSamples =
  | { type: 'ready' }
  /** Those on screen, or up to 1000 at a time while all are read for the class filter. */
  | { type: 'details'; files: string[] }
  /** `file` as in `samples.images`: relative, and to be checked against that list before it is opened. */
  | { type: 'open'; file: string }
  | { type: 'copy'; text: string };

/** Extension -> history panel. */
export type ToHistory =
  /** `published`: by record id, what the paper reports of the same network and reference. */
  | { type: 'history'; records: HistoryRecord[]; problems: string[]; published: Record<string, string> }
  | { type: 'problem'; message: string };

/** History panel -> extension. */
export type FromHistory = { type: 'ready' } | { type: 'openRun'; run: string } | { type: 'copy'; text: string };

/** Extension -> trajectory panel. */
export type ToTrajectory = { type: 'trajectory'; trajectory: TrajectoryResult; network: string };

/** Trajectory panel -> extension. */
export type FromTrajectory = { type: 'ready' };

/** Extension -> queue panel. */
export type ToQueue =
  | { type: 'clusters'; clusters: ClusterInfo[]; shown: string }
  | { type: 'queue'; queue: QueueState }
  | { type: 'problem'; message: string };

/** Queue panel -> extension. */
export type FromQueue =
  | { type: 'ready' }
  | { type: 'cluster'; cluster: string }
  | { type: 'whose'; whose: QueueState['whose'] }
  | { type: 'connect' }
  | { type: 'refresh' }
  /** `id` of a job in the last queue. */
  | { type: 'job'; id: string; action: JobAction | 'script' | 'output' | 'follow' | 'copyId' };

/** Extension -> calibration panel. */
export type ToCalibration = { type: 'calibration'; calibration: Calibration };

/** Calibration panel -> extension. */
export type FromCalibration =
  | { type: 'ready' }
  /** One of the measured sizes, into the config that was measured. */
  | { type: 'write'; batch: number };
