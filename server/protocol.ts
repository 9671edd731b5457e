/**
 * Everything the editor and the server say to each other beyond LSP, on one page. The client and the panels import
 * types and request objects from here and from nowhere else in server/.
 */
import { ProgressType, RequestType } from 'vscode-languageserver-protocol';
import type { HistoryRecord, RunManifest } from './schema-types.gen';
import { durationText, type Progress } from './progress';

export type { HistoryRecord, RunManifest, Progress };
export { durationText };

/** Runs that report progress name a token; the server sends `Progress` under it until the request is answered. */
export interface WithProgress {
  progressToken?: string;
}
export const runProgress = new ProgressType<Progress>();

/** Run a config: generate, measure, record. Cancelling the request keeps every finished image. */
export interface RunParams extends WithProgress {
  /** Absolute path of the `*.edm.yaml`. */
  config: string;
}
export interface RunResult {
  /** Absolute path of the run folder. */
  folder: string;
  manifest: RunManifest;
  /** The new records, in the order of the config's metrics; empty without `fd` or `fid`. */
  records: HistoryRecord[];
  /** Things the user should know, e.g. why CUDA was not used. */
  notes: string[];
}
export const runRequest = new RequestType<RunParams, RunResult, void>('edm/run');

/** Generate samples without a config, into a folder of the user's choice. */
export interface GenerateParams extends WithProgress {
  network: string;
  outdir: string;
  seeds: string;
  steps: number;
  class?: number;
  /** Folder that relative paths start from. */
  base: string;
}
export interface GenerateResult {
  folder: string;
  written: number;
  skipped: number;
  notes: string[];
}
export const generateRequest = new RequestType<GenerateParams, GenerateResult, void>('edm/generate');

/** Measure a folder or zip of images. */
export interface MeasureParams extends WithProgress {
  images: string;
  reference: string;
  detector?: string;
  num?: number;
  base: string;
}
export interface MeasureResult {
  /** `FID` or `FD (<detector>)`. */
  metric: string;
  value: number;
  num: number;
  detector: { name: string; sha256: string };
  reference: { name: string; sha256: string };
  notes: string[];
}
export const measureRequest = new RequestType<MeasureParams, MeasureResult, void>('edm/measure');

/** All history records of the repository that contains `folder`, oldest first. */
export interface HistoryParams {
  folder: string;
}
export interface HistoryResult {
  /** Top of the repository. */
  root: string;
  records: HistoryRecord[];
  /** Lines that could not be read, each with its number and why. */
  problems: string[];
}
export const historyRequest = new RequestType<HistoryParams, HistoryResult, void>('edm/history');

/** The images of a run folder, an `images` folder or any folder of images. */
export interface SamplesParams {
  folder: string;
}
export interface SamplesResult {
  /** The folder that the file names start from. */
  folder: string;
  title: string;
  /** Images in seed order; `file` is relative to `folder` with forward slashes. */
  images: { file: string; seed?: number }[];
  manifest?: RunManifest;
  classNames?: string[];
}
export const samplesRequest = new RequestType<SamplesParams, SamplesResult, void>('edm/samples');

/** What the image files tell of themselves; asked for those on screen only. */
export interface SampleDetailsParams {
  folder: string;
  files: string[];
}
export interface SampleDetails {
  file: string;
  width: number;
  height: number;
  seed?: number;
  class?: number;
  /** Why the file cannot be shown. */
  problem?: string;
}
export const sampleDetailsRequest = new RequestType<SampleDetailsParams, SampleDetails[], void>('edm/sampleDetails');

/** One line of `doctor`. */
export interface SetupFinding {
  topic: string;
  state: 'ok' | 'missing' | 'optional';
  /** What was found, in plain words. */
  found: string;
  /** What to do; absent where all is well. */
  remedy?: string;
}
export interface DoctorParams {
  folder: string;
}
export const doctorRequest = new RequestType<DoctorParams, SetupFinding[], void>('edm/doctor');
