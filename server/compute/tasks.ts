/** Tasks of a compute process and their results. Types only, so that importing them loads no native code. */
import type { GenerateOptions, MadeImages } from '../diffusion/generation';
import type { RngDevice, SamplerOptions } from '../shared/sampler-options';
import type { Comparison } from '../fid/kept-statistics';
import type { FurtherOptions } from '../fid/further-metrics';
import type { Measurement, ReferenceSummary } from '../fid/measurement';
import type { Progress } from '../shared/progress';
import type { FoundSchedule, ScheduleSearch } from '../diffusion/schedule-search';
import type { TrajectoryResult } from '../shared/protocol';
import type { BatchPoint } from '../shared/schema-types.gen';
import type { ModelInfo } from '../models/model-info';
import type { DeviceChoice } from './devices';

/** Generate images, one PNG per seed, and a grid of the first ones. */
export interface GenerateTask {
  kind: 'generate';
  /** Absolute path of the denoiser's ONNX file. */
  network: string;
  device: DeviceChoice;
  /** As generate.py's options; `seeds` is a list such as `0-63`. */
  options: Omit<GenerateOptions, 'seeds' | 'network' | 'rng'> & { seeds: string; rng?: RngDevice; grid?: string };
  /** Processes that share the work on the CPU, >= 1; undefined: as many as pay. */
  workers?: number;
  /** What one process of several is told: threads that it may use. */
  threads?: number;
}

export interface GenerateSummary {
  written: number;
  skipped: number;
  /** Written images with NaN or infinite samples. */
  notFinite: number;
  /** Sampling steps, and network evaluations per image. */
  steps: number;
  nfe: number;
  rng: RngDevice;
  device: 'cpu' | 'cuda';
  seconds: number;
  notes: string[];
}

/** The processes of a run. */
export interface PoolShape {
  /** Processes, at least 1. */
  workers: number;
  /** Threads of each; together at most the cores that may be used, and at least one each. */
  threads: number[];
  /** Why, in words. */
  reason: string;
  /** What a person should know before it starts: that fewer work than were asked for. */
  notes: string[];
}

/** What all processes of a generation have done. */
export interface PoolSummary extends GenerateSummary {
  /** Processes that shared the work, threads of each, and why. */
  pool: Pick<PoolShape, 'workers' | 'threads' | 'reason'>;
}

/** Images per second and memory over batch sizes. */
export interface CalibrateTask {
  kind: 'calibrate';
  network: string;
  device: DeviceChoice;
  /** Sampling steps per image, for the rate in images per second. */
  steps: number;
}

export interface CalibrateSummary {
  points: BatchPoint[];
  batch: number;
  /** Why this size, in one sentence. */
  reason: string;
  device: 'cpu' | 'cuda';
  notes: string[];
}

/** The steps from noise to the images of a few seeds. */
export interface TrajectoryTask {
  kind: 'trajectory';
  /** A seed list such as `0-3`. */
  seeds: string;
  /** Whatever is missing takes its default. */
  sampler: SamplerOptions;
  class?: number;
  /** Default: the device's own. */
  rng?: RngDevice;
  /** Absolute path of the denoiser's ONNX file. */
  network: string;
  device: DeviceChoice;
}

/** Noise levels for few evaluations. */
export interface ScheduleTask {
  kind: 'schedule';
  /** Absolute path of the denoiser's ONNX file. */
  network: string;
  device: DeviceChoice;
  search: Omit<ScheduleSearch, 'rng'> & { rng?: RngDevice };
}

export interface ScheduleSummary extends FoundSchedule {
  rng: RngDevice;
  device: 'cpu' | 'cuda';
  notes: string[];
}

/** Features of a folder or zip of images and their Frechet distance to reference statistics. */
export interface MeasureTask {
  kind: 'measure';
  /** `fid` refuses any detector but the published Inception-v3. */
  key: 'fd' | 'fid';
  images: string;
  reference: string;
  detector: string;
  device: DeviceChoice;
  num?: number;
  seed: number;
  batch: number;
  /** An earlier layer of Inception with that many features. */
  dims?: number;
  /** Measure this many equal parts of the images and report the smallest distance. Default 1. */
  repeats?: number;
  /** File for the statistics of the images. */
  stats?: string;
  further?: FurtherOptions;
  /** Convert images of other kinds. */
  convert?: boolean;
}

export interface MeasureSummary extends Measurement {
  device: 'cpu' | 'cuda';
}

/** Reference statistics of a folder or zip of images, as `fid.py ref`. */
export interface ReferenceTask {
  kind: 'reference';
  data: string;
  dest: string;
  detector: string;
  device: DeviceChoice;
  batch: number;
  /** An earlier layer of Inception with that many features. */
  dims?: number;
  /** Also write the features, into a file next to the statistics. */
  keepFeatures?: boolean;
  /** Only these images, by path relative to `data`. */
  only?: string[];
  /** Convert images of other kinds. */
  convert?: boolean;
}

/** The distance of saved statistics to a reference. */
export interface CompareTask {
  kind: 'compare';
  statistics: string;
  reference: string;
}

/** Convert a network or detector to ONNX. */
export interface ImportTask {
  kind: 'import';
  source: string;
  /** The ONNX file; written atomically. */
  dest: string;
  /** The source's name, if its path does not have it. */
  name?: string;
  /** sha256 of the file whose code somebody has read and takes for EDM's. */
  accept?: string;
}

interface Results {
  load: LoadSummary;
  import: ModelInfo;
  calibrate: CalibrateSummary;
  generate: GenerateSummary;
  trajectory: TrajectoryResult;
  schedule: ScheduleSummary;
  measure: MeasureSummary;
  reference: ReferenceSummary;
  compare: Comparison;
}
/** Loads ONNX Runtime and asks it what it can compute on, nothing else: whether that works is the answer. */
export interface LoadTask {
  kind: 'load';
}

export interface LoadSummary {
  /** ONNX Runtime's names of devices, such as `cpu`. */
  devices: string[];
}

export type Task =
  | LoadTask
  | ImportTask
  | CalibrateTask
  | GenerateTask
  | TrajectoryTask
  | ScheduleTask
  | MeasureTask
  | ReferenceTask
  | CompareTask;
export type TaskResult<T extends Task = Task> = Results[T['kind']];

/** Parent -> child; `made` tells one of several processes of a run what the others have made. */
export type ToWorker = { type: 'start'; task: Task } | { type: 'cancel' } | { type: 'made'; blocks: readonly string[] };

/** What a child tells its parent while it works. */
export type WorkerReport =
  | { type: 'progress'; progress: Progress }
  /** The network is open on this device: from now on images are made. */
  | { type: 'opened'; device: 'cpu' | 'cuda' }
  | { type: 'made'; images: MadeImages };

/** How a child's task ended. */
export type WorkerEnd =
  | { type: 'done'; result: TaskResult }
  | { type: 'cancelled'; message: string }
  | { type: 'userError'; message: string; exitCode: 1 | 2 }
  | { type: 'defect'; message: string; stack: string };

/** Child -> parent; exactly one message that is not a report, then the child ends. */
export type FromWorker = WorkerReport | WorkerEnd;
