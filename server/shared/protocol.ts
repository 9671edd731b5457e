/**
 * Everything the editor and the server say to each other beyond LSP, on one page. The client and the panels import
 * types and request objects from here and from nowhere else in server/.
 */
import { NotificationType, ProgressType, RequestType, RequestType0 } from 'vscode-languageserver-protocol';
import type { RngDevice, SamplerOptions } from './sampler-options';
import type {
  Calibration,
  ClusterProfile,
  ClusterSnapshot,
  Dispatch,
  HistoryRecord,
  RunManifest,
} from './schema-types.gen';
import type { JobState } from './job-states';
import type { SchedulerName } from './scheduler-name';
import { durationText, type Progress, rateText } from './progress';

export type { HistoryRecord, RunManifest, Progress };
export { durationText, rateText };

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

/** The way from noise to the images of a few seeds. */
export interface TrajectoryParams extends WithProgress {
  network: string;
  /** At most 16, as in `0-3`. */
  seeds: string;
  /** Options of generate.py; whatever is missing takes its default. */
  sampler: SamplerOptions;
  class?: number;
  rng?: RngDevice;
  /** Folder that relative paths start from. */
  base: string;
}
/** What there is at one noise level. */
export interface TrajectoryStep {
  /** Noise level of the step's first network evaluation; 0 for the final images. */
  sigma: number;
  /** Noise level after the step, and r = sigmaNext / sigma; absent for the final images. */
  sigmaNext?: number;
  r?: number;
  /** Network evaluations per image up to the end of the step. */
  nfe: number;
  /** D(x; sigma), at last the images themselves: for each seed a PNG in base64, its pixels as generate.py makes them. */
  images: string[];
}
export interface TrajectoryResult {
  seeds: number[];
  /** For each seed, if the network is conditional. */
  classes?: number[];
  classNames?: string[];
  /** Side of the images in pixels. */
  resolution: number;
  /** One for each step, then the final images. */
  steps: TrajectoryStep[];
  rng: RngDevice;
  notes: string[];
}
export const trajectoryRequest = new RequestType<TrajectoryParams, TrajectoryResult, void>('edm/trajectory');

/** Make an ONNX file of a network or detector, executing nothing in it. Paths are absolute. */
export interface ImportParams extends WithProgress {
  source: string;
  dest: string;
}
export interface ImportResult {
  /** What was imported, in words. */
  text: string;
}
export const importRequest = new RequestType<ImportParams, ImportResult, void>('edm/import');

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
  /** What the history has of it; absent outside a git repository. */
  record?: HistoryRecord;
  /** What the paper reports of the same network and reference, where it does. */
  published?: string;
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
  /** By record id: what the paper reports of the same network and reference, where it does. */
  published: Record<string, string>;
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

/* ---- Scripts ---- */

/** Something the other scheduler has no counterpart for, or only roughly. */
export interface ConversionNote {
  /** 0-based line in the original. */
  line: number;
  /** The directive or word as written. */
  what: string;
  /** Why, and what to do. */
  why: string;
}

export interface Conversion {
  from: SchedulerName;
  to: SchedulerName;
  /** The converted script: directives replaced in one block, the rest as it was but for the scheduler's variables. */
  text: string;
  /** What was left out or needs a look. */
  notes: ConversionNote[];
}

export interface ConvertParams {
  /** The whole script. */
  text: string;
}
/** Rewrites a batch script for the other scheduler; null for a text without directives. */
export const convertRequest = new RequestType<ConvertParams, Conversion | null, void>('edm/convert');
/** A whole script to start from. */
export interface ScriptTemplate {
  id: string;
  title: string;
  scheduler: SchedulerName;
  help: string;
  /** Editor snippet: `${1:...}` are places to fill in; `\\$` is a dollar sign. */
  snippet: string;
}

/** Whole scripts to start from. */
export const templatesRequest = new RequestType0<readonly ScriptTemplate[], void>('edm/templates');

/* ---- Clusters ---- */

export type { ClusterProfile, ClusterSnapshot };

export { FINISHED_STATES, isOver } from './job-states';
export type { JobState };

export type JobAction = 'cancel' | 'hold' | 'release';

/** How far a job of ours says it is; `phase` says what `done` and `total` count. */
export type JobProgress = Pick<Progress, 'phase' | 'done' | 'total' | 'note'>;

/** A job, or one task of an array. Times are ISO 8601; `elapsed` and `limit` are seconds. */
export interface Job {
  /** As the scheduler prints it: `42`, `42_7`, `42_[8-49]`, `42[7]`. */
  id: string;
  /** Of an array: the id of the whole, and which tasks this row stands for (`7` or `8-49%4`). */
  array?: { id: string; tasks: string };
  name: string;
  user: string;
  account?: string;
  partition: string;
  state: JobState;
  stateName: string;
  /** Why it is queued or failed: the scheduler's word, and in words with what to do. */
  reason?: { name: string; text: string; remedy?: string };
  elapsed?: number;
  /** Absent if unlimited. */
  limit?: number;
  cpus?: number;
  gpus?: number;
  nodes?: number;
  nodeList?: string;
  submitted?: string;
  started?: string;
  /** When it is expected to start, if the scheduler says. */
  expected?: string;
  ended?: string;
  exitCode?: number;
  signal?: number;
  /** Folder it started in, and its log files, absolute. */
  folder?: string;
  stdout?: string;
  stderr?: string;
  /** Identifies the submission if it was ours. */
  token?: string;
  /** Set by the client, from `DispatchProgress`, for the jobs of a run that was submitted from here. */
  progress?: JobProgress;
}

/** A cluster that the user named, or this machine where sbatch or bsub is on PATH. */
export interface ClusterInfo {
  profile: ClusterProfile;
  connection: 'disconnected' | 'connecting' | 'connected' | 'lost';
  /** Why it is not connected, in words. */
  message?: string;
  /** Scheduler and version once known, e.g. `Slurm 22.05.8`. */
  scheduler?: string;
}
export interface ClustersParams {
  /** Workspace folder; its `.edm-workbench/clusters.yaml` counts. */
  folder?: string;
}
export const clustersRequest = new RequestType<ClustersParams, ClusterInfo[], void>('edm/clusters');
/** Sent whenever a connection changes. */
export const clusterNotification = new NotificationType<ClusterInfo>('edm/cluster');

export interface ClusterParams {
  cluster: string;
}
/** Connects, asking what must be asked. The only request that may lead to a prompt. */
export const connectRequest = new RequestType<ClusterParams, ClusterInfo, void>('edm/connect');
export const disconnectRequest = new RequestType<ClusterParams, void, void>('edm/disconnect');

/** Who is looking decides how often is asked: one shared query per poll, never below the profile's floor. */
export interface WatchParams {
  cluster: string;
  attention: 'visible' | 'hidden' | 'none';
  whose: 'mine' | 'all';
}
export const watchRequest = new RequestType<WatchParams, void, void>('edm/watchQueue');
/** Asks now if the floor allows; otherwise as soon as it does. */
export const refreshRequest = new RequestType<ClusterParams, void, void>('edm/refreshQueue');
/** CPUs and GPUs of a partition. */
export interface PartitionLoad {
  partition: string;
  cpus: [used: number, all: number];
  gpus: [used: number, all: number];
}
export interface QueueState {
  cluster: string;
  /** When the answer came, ISO 8601 by our clock. */
  taken: string;
  whose: 'mine' | 'all';
  jobs: Job[];
  /** My jobs that ended lately, newest first. */
  finished: Job[];
  /** Name of the user on the cluster: whose jobs are mine. */
  user: string;
  /** Jobs that ended since the last answer: notify once. */
  ended: Job[];
  load: PartitionLoad[];
  /** Why this is not fresh, in words; jobs are then the last known. */
  problem?: string;
}
export const queueNotification = new NotificationType<QueueState>('edm/queue');

export interface SubmitParams {
  cluster: string;
  /** Absolute path of a batch script on this machine; `text` wins where the editor has unsaved changes. */
  script: string;
  text?: string;
  /** Folder on the cluster to start in; default: the profile's work folder. */
  folder?: string;
}
export interface SubmitResult {
  id: string;
  warnings: string[];
  /** True where the answer was lost and the job was found by its token. */
  found?: boolean;
}
/** Data of the error where the scheduler refuses: its message is in the scheduler's own words. */
export interface SubmitRefusal {
  /** 0-based line of the script that caused it, where that can be told. */
  line?: number;
}
export const submitRequest = new RequestType<SubmitParams, SubmitResult, SubmitRefusal>('edm/submit');
export interface DryRunResult {
  ok: boolean;
  message: string;
  line?: number;
}
export const dryRunRequest = new RequestType<SubmitParams, DryRunResult, void>('edm/dryRun');

export interface JobParams {
  cluster: string;
  id: string;
}
export interface JobActionParams {
  cluster: string;
  action: JobAction;
  ids: string[];
}
export const jobActionRequest = new RequestType<JobActionParams, { id: string; ok: boolean; message: string }[], void>(
  'edm/jobAction',
);
export const jobRequest = new RequestType<JobParams, Job | null, void>('edm/job');
/** The batch script of a job as the scheduler has it. */
export const jobScriptRequest = new RequestType<JobParams, string, void>('edm/jobScript');

/** Follow a log until the request is cancelled or the job has ended; text comes as `logNotification`. */
export interface FollowParams extends JobParams {
  stream: 'stdout' | 'stderr';
  /** Chosen by the client; comes back in the notifications. */
  follow: string;
}
export interface FollowResult {
  /** Known failures that were recognised, explained. */
  explained: { line: string; text: string; remedy?: string }[];
  job: Job | null;
}
export const followRequest = new RequestType<FollowParams, FollowResult, void>('edm/followLog');
export interface LogPart {
  follow: string;
  /** Whole lines; progress bars collapsed to their last state. */
  lines: string[];
  /** True where the file was truncated or replaced and starts anew. */
  restarted?: boolean;
  /** From tqdm's bar, where one is running. */
  progress?: { done: number; total: number; rate?: string; eta?: string };
}
export const logNotification = new NotificationType<LogPart>('edm/log');

/** Server to client: ask the user. The server's own text is shown; null means cancelled. */
export interface PromptParams {
  cluster: string;
  /** Which machine asks, e.g. `login1 (jump host)`. */
  host: string;
  /** Text that came before the prompts (banner, instruction); plain text, untrusted. */
  instruction: string;
  prompts: { text: string; echo: boolean }[];
  /** Set on another try: what was wrong. */
  retry?: string;
}
export const promptRequest = new RequestType<PromptParams, string[] | null, void>('edm/prompt');
/** Server to client: an unknown host key. */
export interface HostKeyParams {
  host: string;
  port: number;
  algorithm: string;
  /** `SHA256:…`, as ssh-keygen -l prints it. */
  fingerprint: string;
}
export const hostKeyRequest = new RequestType<HostKeyParams, boolean, void>('edm/hostKey');
/** Server to client: secrets live in the editor's SecretStorage alone. A passphrase, never a one-time password. */
export interface SecretParams {
  /** E.g. `passphrase:<fingerprint of the key>`. */
  key: string;
  /** Absent: read. A string: store. Null: forget. */
  value?: string | null;
}
export const secretRequest = new RequestType<SecretParams, string | null, void>('edm/secret');

/** Host aliases of the user's ssh configuration, patterns left out: what a new cluster can be made of. */
export const hostAliasesRequest = new RequestType0<string[], void>('edm/hostAliases');
export interface AddClusterParams {
  /** Workspace folder. */
  folder: string;
  profile: ClusterProfile;
}
/** Adds a profile to the folder's `.edm-workbench/clusters.yaml`, comments kept; answers the file's path. */
export const addClusterRequest = new RequestType<AddClusterParams, string, void>('edm/addCluster');

/* ---- Runs on clusters ---- */

export type { Dispatch };

/** Submit the run of a config at its commit, or continue a submission that was interrupted. Cancelling keeps what arrived. */
export interface DispatchParams extends WithProgress {
  /** Absolute path of the `*.edm.yaml`. */
  config: string;
  /** Default: the one that the config names. */
  cluster?: string;
  /** What to do about uncommitted changes; with `refuse` the error's data is a `DirtyRefusal`. */
  dirty: 'refuse' | 'commit' | 'keep';
}
export const dispatchRequest = new RequestType<DispatchParams, Dispatch, DirtyRefusal>('edm/dispatch');
/** The work tree differs from its commit. */
export interface DirtyRefusal {
  /** E.g. `generate.py is not committed`. */
  dirty: string;
}
/** The scripts that would be submitted now, in their order; nothing is sent. */
export const previewRequest = new RequestType<
  Pick<DispatchParams, 'config' | 'cluster'>,
  { role: string; text: string }[],
  void
>('edm/previewDispatch');
export interface DispatchesResult {
  /** Top of the repository. */
  root: string;
  /** Oldest first. */
  dispatches: Dispatch[];
  problems: string[];
}
/** What the repository that contains `folder` has sent to clusters. */
export const dispatchesRequest = new RequestType<{ folder: string }, DispatchesResult, void>('edm/dispatches');
/** Results of a run that is over, and its images if wanted. */
export interface PullParams extends WithProgress {
  folder: string;
  token: string;
  /** Which images as well: all, or those of a list of seeds such as `0-999`. */
  images?: 'all' | { seeds: string };
}
export const pullRequest = new RequestType<PullParams, DispatchEnd, void>('edm/pull');
/** How a run stands, or ended. */
export interface DispatchEnd {
  /** Top of the repository. */
  root: string;
  dispatch: Dispatch;
  /** In one line. */
  text: string;
}
/** Server to client, once for each run, whichever editor brought it home. */
export const dispatchEndNotification = new NotificationType<DispatchEnd>('edm/dispatchEnded');
/** Server to client, after a poll of the queue, for each run that is under way. */
export interface DispatchProgress {
  token: string;
  cluster: string;
  name: string;
  /** Images that are there, of all. */
  done: number;
  total: number;
  /** E.g. `FID so far 2.41 (N = 8000, not final)`. */
  note?: string;
  /** The same by job, as far as each has begun; `id` of an array is that of the whole, `task` one of it. */
  jobs: { id: string; task?: string; progress: JobProgress }[];
}
export const dispatchProgressNotification = new NotificationType<DispatchProgress>('edm/dispatchProgress');

/** Build an Apptainer image from a Dockerfile here; answers its path on the cluster. What was interrupted goes on. */
export interface ContainerParams extends WithProgress {
  cluster: string;
  /** Absolute path of the Dockerfile. */
  dockerfile: string;
}
export const containerRequest = new RequestType<ContainerParams, { image: string }, void>('edm/container');
/** A Dockerfile for EDM to begin with. */
export const dockerfileRequest = new RequestType0<string, void>('edm/dockerfile');

export type { Calibration };

/** Measure batch sizes of a config by a short job on the cluster; what came of it is kept for the config. */
export interface CalibrationParams extends WithProgress {
  cluster: string;
  /** Absolute path of the `*.edm.yaml`. */
  config: string;
}
export const calibrationRequest = new RequestType<CalibrationParams, Calibration, void>('edm/calibrateOnCluster');
/** What was measured of a config before, latest first. */
export const calibrationsRequest = new RequestType<{ config: string }, Calibration[], void>('edm/calibrations');
/** How a batch size is written into the text of a config: what is replaced from one offset to another; null where it has no line for it. */
export const batchEditRequest = new RequestType<
  { text: string; batch: number },
  { from: number; to: number; text: string } | null,
  void
>('edm/batchEdit');
