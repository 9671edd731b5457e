/**
 * What a panel and the extension say to each other: discriminated unions, checked on both sides.
 * A panel builds its whole page itself; the HTML around it has a policy, one style sheet and one script.
 * The extension sends nothing before `ready`, and answers it with the panel's subject first. Sending `samples` or `history` again brings the panel up to date in place.
 */
import type {
  Calibration,
  ClusterInfo,
  HistoryResult,
  JobAction,
  QueueState,
  SampleDetails,
  SamplesResult,
  TrajectoryResult,
} from './protocol';

/** The least that a message is: an object with a string `type`. */
export interface Message {
  type: string;
}

/** True for what may be a message; its type decides who handles it. */
export function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/**
 * Extension -> any panel: what the panel shows. The page keeps it, unread, beside its own state, so that the extension gets
 * it back when the window has been reloaded.
 */
export interface SubjectMessage extends Message {
  type: 'subject';
  /** Survives JSON. */
  subject: unknown;
}

/** One handler for each type of message: the compiler refuses a side that forgets one. */
export type Handlers<All extends Message> = {
  [Type in All['type']]: (message: Extract<All, { type: Type }>) => Promise<void> | void;
};

/** Extension -> samples panel. */
export type ToSamples =
  /** `baseUri` is the address of `samples.folder` inside the page. */
  | { type: 'samples'; samples: SamplesResult; baseUri: string }
  /** Answer to `details`: one entry for each file that was asked for, in one message or several. */
  | { type: 'details'; details: SampleDetails[] }
  /** The folder cannot be read any more: nothing of it is shown but why. */
  | { type: 'gone'; message: string }
  | { type: 'problem'; message: string };

/** Samples panel -> extension. */
export type FromSamples =
  | { type: 'ready' }
  /** The files on screen, or up to 1000 at a time while all are read for the class filter. */
  | { type: 'details'; files: string[] }
  /** `file` as in `samples.images`: relative to the folder, and checked to be inside it before it is opened. */
  | { type: 'open'; file: string }
  | { type: 'copy'; text: string };

/** Extension -> history panel. */
export type ToHistory = ({ type: 'history' } & Omit<HistoryResult, 'file'>) | { type: 'problem'; message: string };

/** History panel -> extension. */
export type FromHistory = { type: 'ready' } | { type: 'openRun'; run: string } | { type: 'copy'; text: string };

/** Extension -> trajectory panel. */
export type ToTrajectory = { type: 'trajectory'; trajectory: TrajectoryResult; network: string };

/** Trajectory panel -> extension. */
export type FromTrajectory = { type: 'ready' };

/** Extension -> queue panel. */
export type ToQueue =
  /** `problem`: why the queue of the shown one cannot be asked for, and what to do. */
  | { type: 'clusters'; clusters: ClusterInfo[]; shown: string; problem?: string }
  /** Comes once the scheduler has answered. */
  | { type: 'queue'; queue: QueueState }
  | { type: 'problem'; message: string };

/** What the queue panel can ask for a job. */
export type QueueAction = JobAction | 'script' | 'output' | 'follow' | 'copyId';

/** Queue panel -> extension. */
export type FromQueue =
  | { type: 'ready' }
  | { type: 'cluster'; cluster: string }
  | { type: 'whose'; whose: QueueState['whose'] }
  | { type: 'connect' }
  | { type: 'refresh' }
  /** Jobs that ended before those that are known. */
  | { type: 'older' }
  /** `id` of a job in the last queue. */
  | { type: 'job'; id: string; action: QueueAction };

/** Extension -> calibration panel. */
export type ToCalibration =
  | { type: 'calibration'; calibration: Calibration }
  /** The measurement cannot be shown, or the config not be written. */
  | { type: 'problem'; message: string };

/** Calibration panel -> extension. */
export type FromCalibration =
  | { type: 'ready' }
  /** Write one of the measured sizes into the config that was measured. */
  | { type: 'write'; batch: number };
