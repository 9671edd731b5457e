/**
 * Everything that the editor and the server say to each other beyond LSP, on one page. Paths are absolute unless said
 * otherwise, times are ISO 8601, and `notes` are sentences that the user should read.
 */
import { NotificationType, ProgressType, RequestType, RequestType0 } from 'vscode-languageserver-protocol';
import type { RngDevice, SamplerOptions, Solver } from './sampler-options';
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

/** Parameters of a request that reports progress: the server sends `Progress` under this token until it answers. */
export interface WithProgress {
  progressToken?: string;
}
/** A report of a request with a progress token. */
export const runProgress = new ProgressType<Progress>();

/** Parameters of `runRequest`. */
export interface RunParams extends WithProgress {
  /** Path of the `*.edm.yaml`. */
  config: string;
}
/** What a run made. */
export interface RunResult {
  /** The run folder. */
  folder: string;
  manifest: RunManifest;
  /** The new records, in the order of the config's metrics; empty without `fd` or `fid`. */
  records: HistoryRecord[];
  /** E.g. why CUDA was not used. */
  notes: string[];
}
/** Runs a config: generates, measures, records. Cancelling keeps every finished image. */
export const runRequest = new RequestType<RunParams, RunResult, void>('edm/run');

/** Parameters of `generateRequest`. */
export interface GenerateParams extends WithProgress {
  network: string;
  outdir: string;
  seeds: string;
  steps: number;
  class?: number;
  /** Folder that relative paths start from. */
  base: string;
}
/** What was generated. */
export interface GenerateResult {
  folder: string;
  /** Images that were made now. */
  written: number;
  /** Images that were there already. */
  skipped: number;
  notes: string[];
}
/** Generates images without a config, into any folder. Cancelling keeps every finished image. */
export const generateRequest = new RequestType<GenerateParams, GenerateResult, void>('edm/generate');

/** What a trajectory is sampled with. */
export type TrajectorySource =
  /** Network, sampler, class and rng of a run config: an absolute path. */
  | { config: string }
  /** Keys as in a run config, with commas: `solver: dpmpp-2m, steps: 8, class: 3`; a number alone is the steps. */
  | { network: string; keys: string; base: string };

/** Parameters of `trajectoryRequest`. */
export type TrajectoryParams = WithProgress & {
  /** A seed list such as `0-3`, of at most 16. */
  seeds: string;
  from: TrajectorySource;
};
/** One step of a trajectory, or the final images. */
export interface TrajectoryStep {
  /** Noise level of the step's first network evaluation; 0 for the final images. */
  sigma: number;
  /** Noise level after the step, and r = sigmaNext / sigma; absent for the final images. */
  sigmaNext?: number;
  r?: number;
  /** Network evaluations per image up to the end of the step. */
  nfe: number;
  /** Evaluations that the step combines; absent for the final images. */
  order?: number;
  /** Fresh noise of the step, where the solver has it. */
  eta?: number;
  /** For each seed a PNG in base64, its pixels as generate.py makes them: D(x; sigma), in the last step the image itself. */
  images: string[];
}
/** The steps from noise to the images. */
export interface TrajectoryResult {
  seeds: number[];
  /** Class of each seed; absent where the network is unconditional. */
  classes?: number[];
  classNames?: string[];
  /** Side of the images in pixels. */
  resolution: number;
  /** One for each step, then the final images. */
  steps: TrajectoryStep[];
  /** What made the steps: the solver with its name in the literature, the formula of one step, and the options that were given. Absent in panels of earlier versions. */
  sampler?: { solver: Solver; title: string; formula: string; options: SamplerOptions };
  rng: RngDevice;
  notes: string[];
}
/** Samples a few seeds and keeps the denoised estimate of every step. */
export const trajectoryRequest = new RequestType<TrajectoryParams, TrajectoryResult, void>('edm/trajectory');

/** Parameters of `importRequest`. */
export interface ImportParams extends WithProgress {
  source: string;
  dest: string;
}
/** What was written. */
export interface ImportResult {
  /** What was imported, in words. */
  text: string;
}
/** Converts a network or a detector to an ONNX file, without executing anything in it. */
export const importRequest = new RequestType<ImportParams, ImportResult, void>('edm/import');

/** Parameters of `measureRequest`. */
export interface MeasureParams extends WithProgress {
  /** Folder or zip of images. */
  images: string;
  reference: string;
  /** Default: the one that an embedded reference was made with. */
  detector?: string;
  /** Images to measure; default: all. */
  num?: number;
  /** Folder that relative paths start from. */
  base: string;
}
/** One measured number. */
export interface MeasureResult {
  /** `FID` or `FD (<detector>)`. */
  metric: string;
  value: number;
  num: number;
  detector: { name: string; sha256: string };
  reference: { name: string; sha256: string };
  /** Its record in the history; absent outside a git repository. */
  record?: HistoryRecord;
  /** What the paper reports for the same network and reference; absent where it reports nothing. */
  published?: string;
  notes: string[];
}
/** Measures a folder or zip of images against reference statistics. */
export const measureRequest = new RequestType<MeasureParams, MeasureResult, void>('edm/measure');

/** Parameters of `historyRequest`. */
export interface HistoryParams {
  folder: string;
}
/** The history of a repository. */
export interface HistoryResult {
  /** Top of the repository. */
  root: string;
  /** The file that the records are read from; it need not exist yet. */
  file: string;
  /** Oldest first. */
  records: HistoryRecord[];
  /** Lines that could not be read, each with its number and why. */
  problems: string[];
  /** By record id: what the paper reports for the same network and reference. */
  published: Record<string, string>;
}
/** Reads the history of the repository that contains `folder`. */
export const historyRequest = new RequestType<HistoryParams, HistoryResult, void>('edm/history');

/** Parameters of `runsRequest`. */
export interface RunsParams {
  /** Workspace folders; runs of the repositories that contain them are found wherever they are. */
  folders: string[];
  /** Further folders that hold a run.json. */
  found: string[];
}
/** A run folder. */
export interface RunEntry {
  folder: string;
  manifest: RunManifest;
  /** When its manifest changed last, ISO 8601. */
  changed: string;
}
/** Lists run folders, the one changed last first. */
export const runsRequest = new RequestType<RunsParams, RunEntry[], void>('edm/runs');

/** Parameters of `samplesRequest`. */
export interface SamplesParams {
  /** A run folder, or any folder of images. */
  folder: string;
}
/** The images of a folder, and the run that made them where there is one. */
export interface SamplesResult {
  /** The folder that the file names start from. */
  folder: string;
  title: string;
  /** Files and folders whose change changes this answer, absolute; some may not exist yet. */
  follow: string[];
  /** When anything of it changed last, ISO 8601. */
  changed: string;
  /** Images in seed order; `file` is relative to `folder` with forward slashes. */
  images: { file: string; seed?: number }[];
  manifest?: RunManifest;
  classNames?: string[];
}
/** Lists the images of a folder. */
export const samplesRequest = new RequestType<SamplesParams, SamplesResult, void>('edm/samples');

/** Parameters of `sampleDetailsRequest`. */
export interface SampleDetailsParams {
  folder: string;
  files: string[];
}
/** What an image file contains besides its pixels. */
export interface SampleDetails {
  file: string;
  width: number;
  height: number;
  seed?: number;
  class?: number;
  /** Why the file cannot be shown. */
  problem?: string;
}
/** Reads the heads of image files. Only asked for those on screen: a folder may have 50,000. */
export const sampleDetailsRequest = new RequestType<SampleDetailsParams, SampleDetails[], void>('edm/sampleDetails');

/** One finding about this machine. */
export interface SetupFinding {
  topic: string;
  state: 'ok' | 'missing' | 'optional';
  /** What was found, in words. */
  found: string;
  /** What to do; absent where nothing is missing. */
  remedy?: string;
}
/** Parameters of `doctorRequest`. */
export interface DoctorParams {
  folder: string;
}
/** Checks what this machine has of what the workbench needs. */
export const doctorRequest = new RequestType<DoctorParams, SetupFinding[], void>('edm/doctor');

/* ---- Scripts ---- */

/** Something that the other scheduler does not have, or has only roughly. */
export interface ConversionNote {
  /** 0-based line in the original. */
  line: number;
  /** The directive or word as written. */
  what: string;
  /** Why, and what to do. */
  why: string;
}

/** A converted script. */
export interface Conversion {
  from: SchedulerName;
  to: SchedulerName;
  /** The converted script: its directives in one block, its other lines unchanged except for the scheduler's variables. */
  text: string;
  /** What was left out or must be checked. */
  notes: ConversionNote[];
}

/** Parameters of `convertRequest`. */
export interface ConvertParams {
  /** The whole script. */
  text: string;
}
/** Rewrites a batch script for the other scheduler; null for a text without directives. */
export const convertRequest = new RequestType<ConvertParams, Conversion | null, void>('edm/convert');
/** A script to start from. */
export interface ScriptTemplate {
  id: string;
  title: string;
  scheduler: SchedulerName;
  help: string;
  /** Editor snippet: `${1:...}` are places to fill in; `\\$` is a dollar sign. */
  snippet: string;
}

/** All templates, for both schedulers. */
export const templatesRequest = new RequestType0<readonly ScriptTemplate[], void>('edm/templates');

/* ---- Clusters ---- */

export type { ClusterProfile, ClusterSnapshot };

export { FINISHED_STATES, isOver } from './job-states';
export type { JobState };

/** What can be done to a job. */
export type JobAction = 'cancel' | 'hold' | 'release';

/** How far a job of a run is, as its output says; `phase` says what `done` and `total` count. */
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
  /** The state in the scheduler's own word. */
  stateName: string;
  /** Why it is queued or failed: the scheduler's name for it, and an explanation with what to do. */
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
  /** When it is expected to start, where the scheduler says so. */
  expected?: string;
  ended?: string;
  exitCode?: number;
  signal?: number;
  /** Folder that it started in, and its log files. */
  folder?: string;
  stdout?: string;
  stderr?: string;
  /** Identifies the submission; only on jobs submitted by the workbench. */
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
  /** How it is connected, where that is by the system's OpenSSH; in words. */
  by?: string;
  /** Scheduler and version once known, e.g. `Slurm 22.05.8`. */
  scheduler?: string;
  /** True where the workspace's file names it and the user has not allowed that file: nothing of it is used. */
  notAllowed?: true;
  /** Workspace folder whose file names it; absent for those of the settings and for this machine. */
  folder?: string;
}
/** Parameters of `clustersRequest`. */
export interface ClustersParams {
  /** Workspace folders, whose `.edm-workbench/clusters.yaml` are read. */
  folders: string[];
}
/** Lists the clusters of the workspace and of the settings, and this machine where it has a scheduler. */
export const clustersRequest = new RequestType<ClustersParams, ClusterInfo[], void>('edm/clusters');
/** Server to client: the connection to a cluster changed. */
export const clusterNotification = new NotificationType<ClusterInfo>('edm/cluster');

/** Parameters of `allowClustersRequest`. */
export interface AllowClustersParams {
  /** The workspace's file of clusters. */
  file: string;
  /** What its profiles lead to, a line each; plain text. */
  effects: string[];
  /** True where the user has just asked for something that needs it, false where the workspace was opened. */
  wanted: boolean;
}
/**
 * Server to client: asks the user whether what a workspace's file of clusters names may be used; the answer is remembered
 * for exactly this content. When a workspace is opened, the server asks once in its lifetime for each content.
 */
export const allowClustersRequest = new RequestType<AllowClustersParams, boolean, void>('edm/allowClusters');

/** Names a cluster. */
export interface ClusterParams {
  cluster: string;
}
/** Connects to a cluster. The only request that may lead to a prompt. */
export const connectRequest = new RequestType<ClusterParams, ClusterInfo, void>('edm/connect');
/** Lets go of the connection to a cluster; a login that other windows and commands share stays. */
export const disconnectRequest = new RequestType<ClusterParams, void, void>('edm/disconnect');
/** Ends the login to a cluster for all windows and commands. */
export const logoutRequest = new RequestType<ClusterParams, void, void>('edm/logout');

/** Parameters of `watchRequest`. */
export interface WatchParams {
  cluster: string;
  attention: 'visible' | 'hidden' | 'none';
  whose: 'mine' | 'all';
}
/**
 * Says how closely a queue is watched, which decides how often the cluster is asked: one query for all watchers, never
 * more often than the profile allows.
 */
export const watchRequest = new RequestType<WatchParams, void, void>('edm/watchQueue');
/** Asks for the queue now, or as soon as the profile's `poll_seconds` allow it. */
export const refreshRequest = new RequestType<ClusterParams, void, void>('edm/refreshQueue');
/**
 * Asks for the user's jobs that ended before those that are known: one page, as much as the settings say, as soon as the
 * profile's `poll_seconds` allow it. It comes with the queue.
 */
export const olderRequest = new RequestType<ClusterParams, void, void>('edm/olderJobs');
/** CPUs and GPUs of a partition. */
export interface PartitionLoad {
  partition: string;
  cpus: [used: number, all: number];
  gpus: [used: number, all: number];
}
/** How far back the user's ended jobs are known. */
export interface JobsPast {
  /** All jobs that ended since then are known, by the clock of the cluster; absent where the scheduler does not say. */
  since?: string;
  /** Why some may be missing. */
  note?: string;
  /** What the last older page had: number of jobs that ended between two times. */
  page?: { from: string; until: string; jobs: number };
  /** True while an older page is asked for, which waits for the profile's `poll_seconds`. */
  asking?: true;
}
/** The queue of a cluster at one moment. */
export interface QueueState {
  cluster: string;
  /** When the answer came, by the server's clock; empty before the first one, when nothing is known but the problem. */
  taken: string;
  whose: 'mine' | 'all';
  jobs: Job[];
  /** The user's jobs that ended, as far back as they were asked for, newest first. */
  finished: Job[];
  /** How far back that is; absent before the first answer. */
  past?: JobsPast;
  /** Name of the user on the cluster. */
  user: string;
  /** The user's jobs that ended since the last answer; each is in it once. */
  ended: Job[];
  load: PartitionLoad[];
  /** Why the queue could not be asked for; everything else is then as it was last known. */
  problem?: string;
}
/** Server to client: a new answer of the scheduler. */
export const queueNotification = new NotificationType<QueueState>('edm/queue');

/** Parameters of `submitRequest` and `dryRunRequest`. */
export interface SubmitParams {
  cluster: string;
  /** Path of a batch script on this machine. */
  script: string;
  /** The script as it is in the editor, unsaved changes included; default: the file. */
  text?: string;
  /** Folder on the cluster that the job starts in; default: the profile's work folder. */
  folder?: string;
  /** Absolute folder here that it is submitted from: the default where the cluster is this machine. */
  from?: string;
  /**
   * What becomes of folders of its logs that are not there: with `ask` nothing is submitted and the error's data is a
   * `SubmitRefusal` that names them; `leave`, the default, warns.
   */
  logFolders?: 'ask' | 'make' | 'leave';
}
/** A job that was submitted. */
export interface SubmitResult {
  id: string;
  /** What sbatch or bsub said besides the id. */
  warnings: string[];
  /** True where the answer was lost and the job was found by its token. */
  found?: boolean;
}
/** Data of the error where nothing was submitted: the scheduler refused, in its own words, or the user is to be asked. */
export interface SubmitRefusal {
  /** 0-based line of the script that caused it, where that is known. */
  line?: number;
  /** Absolute paths of log folders that are not there; present only where they are the reason. */
  logFolders?: string[];
}
/** Submits a batch script. */
export const submitRequest = new RequestType<SubmitParams, SubmitResult, SubmitRefusal>('edm/submit');
/** What the scheduler would do with a script. */
export interface DryRunResult {
  ok: boolean;
  /** In the scheduler's own words. */
  message: string;
  /** 0-based line of the script that it refuses, where that is known. */
  line?: number;
}
/** Asks the scheduler about a script without submitting it. */
export const dryRunRequest = new RequestType<SubmitParams, DryRunResult, void>('edm/dryRun');

/** Names a job. */
export interface JobParams {
  cluster: string;
  id: string;
}
/** Parameters of `jobActionRequest`. */
export interface JobActionParams {
  cluster: string;
  action: JobAction;
  ids: string[];
}
/** Cancels, holds or releases jobs; answers for each of them what came of it. */
export const jobActionRequest = new RequestType<JobActionParams, { id: string; ok: boolean; message: string }[], void>(
  'edm/jobAction',
);
/** A single job; null where the scheduler does not know it. */
export const jobRequest = new RequestType<JobParams, Job | null, void>('edm/job');
/** The batch script of a job as the scheduler has it. */
export const jobScriptRequest = new RequestType<JobParams, string, void>('edm/jobScript');

/** Parameters of `followRequest`. */
export interface FollowParams extends JobParams {
  stream: 'stdout' | 'stderr';
  /** Chosen by the client; comes back in the notifications. */
  follow: string;
}
/** How a followed job ended. */
export interface FollowResult {
  /** Known failures that were found in the log, with their explanation. */
  explained: { line: string; text: string; remedy?: string }[];
  job: Job | null;
  /** Why there is no log file, and where the output is; absent where the log was read. */
  note?: string;
}
/** Follows a log until the request is cancelled or the job has ended; the text comes as `logNotification`. */
export const followRequest = new RequestType<FollowParams, FollowResult, void>('edm/followLog');
/** New text of a log. */
export interface LogPart {
  follow: string;
  /** Whole lines; of a progress bar only its last state. */
  lines: string[];
  /** True where the file was truncated or replaced: these lines are its start. */
  restarted?: boolean;
  /** From the progress bar of tqdm, where one is running. */
  progress?: { done: number; total: number; rate?: string; eta?: string };
}
/** Server to client: new text of a log that is followed. */
export const logNotification = new NotificationType<LogPart>('edm/log');

/** Parameters of `promptRequest`. */
export interface PromptParams {
  cluster: string;
  /** The machine that asks, e.g. `login1 (jump host)`. */
  host: string;
  /** Text that came before the prompts (banner, instruction); plain and untrusted. */
  instruction: string;
  prompts: { text: string; echo: boolean }[];
  /** What was wrong with the last answer; absent at the first try. */
  retry?: string;
}
/** Server to client: asks the user what an ssh server asks. Null where the user cancelled. */
export const promptRequest = new RequestType<PromptParams, string[] | null, void>('edm/prompt');
/** Parameters of `hostKeyRequest`. */
export interface HostKeyParams {
  host: string;
  port: number;
  algorithm: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  fingerprint: string;
}
/** Server to client: asks the user whether an unknown host key is trusted. */
export const hostKeyRequest = new RequestType<HostKeyParams, boolean, void>('edm/hostKey');
/** Parameters of `secretRequest`. */
export interface SecretParams {
  /** E.g. `passphrase:<fingerprint of the key>`. */
  key: string;
  /** Absent: read. A string: save it if the user agrees. Null: delete. */
  value?: string | null;
}
/**
 * Server to client: reads or changes a secret in the editor's SecretStorage, the only place where secrets are kept. Only
 * passphrases, never one-time passwords.
 */
export const secretRequest = new RequestType<SecretParams, string | null, void>('edm/secret');

/** The host aliases of the user's ssh configuration, without patterns, to choose a new cluster from. */
export const hostAliasesRequest = new RequestType0<string[], void>('edm/hostAliases');
/** Parameters of `addClusterRequest`. */
export interface AddClusterParams {
  /** Workspace folder. */
  folder: string;
  profile: ClusterProfile;
}
/** Adds a profile to the folder's `.edm-workbench/clusters.yaml`, keeping its comments; answers the file's path. */
export const addClusterRequest = new RequestType<AddClusterParams, string, void>('edm/addCluster');

/* ---- Runs on clusters ---- */

export type { Dispatch };

/** Parameters of `dispatchRequest`. */
export interface DispatchParams extends WithProgress {
  /** Path of the `*.edm.yaml`. */
  config: string;
  /** Default: the cluster that the config names. */
  cluster?: string;
  /** What to do with uncommitted changes; with `refuse` the error's data is a `DirtyRefusal`. */
  dirty: 'refuse' | 'commit' | 'keep';
}
/** Submits the run of a config at its commit, or continues an interrupted submission. Cancelling keeps what was sent. */
export const dispatchRequest = new RequestType<DispatchParams, Dispatch, DirtyRefusal>('edm/dispatch');
/** Data of the error where the work tree differs from its commit. */
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
/** The runs that a repository has sent to clusters. */
export interface DispatchesResult {
  /** Top of the repository. */
  root: string;
  /** Oldest first. */
  dispatches: Dispatch[];
  problems: string[];
}
/** Lists the runs that the repository that contains `folder` has sent to clusters. */
export const dispatchesRequest = new RequestType<{ folder: string }, DispatchesResult, void>('edm/dispatches');
/** Parameters of `pullRequest`. */
export interface PullParams extends WithProgress {
  folder: string;
  token: string;
  /** Which images to fetch as well: all, or those of a seed list such as `0-999`. */
  images?: 'all' | { seeds: string };
}
/** Fetches the results of a run that has ended, and its images if wanted. */
export const pullRequest = new RequestType<PullParams, DispatchEnd, void>('edm/pull');
/** The state of a run on a cluster, or its end. */
export interface DispatchEnd {
  /** Top of the repository. */
  root: string;
  dispatch: Dispatch;
  /** In one line. */
  text: string;
}
/** Server to client, once for each run that ended, in whichever editor that was noticed. */
export const dispatchEndNotification = new NotificationType<DispatchEnd>('edm/dispatchEnded');
/** How far a run on a cluster is. */
export interface DispatchProgress {
  token: string;
  cluster: string;
  name: string;
  /** Images that exist, and images that the run consists of. */
  done: number;
  total: number;
  /** E.g. `FID so far 2.41 (N = 8000, not final)`. */
  note?: string;
  /** The same for each job that has begun; `id` is that of the whole array, `task` one of its tasks. */
  jobs: { id: string; task?: string; progress: JobProgress }[];
}
/** Server to client, after each answer of the scheduler, for each run that has not ended. */
export const dispatchProgressNotification = new NotificationType<DispatchProgress>('edm/dispatchProgress');

/** Parameters of `containerRequest`. */
export interface ContainerParams extends WithProgress {
  cluster: string;
  /** Path of the Dockerfile. */
  dockerfile: string;
}
/** Builds an Apptainer image from a Dockerfile, or continues an interrupted build; answers its path on the cluster. */
export const containerRequest = new RequestType<ContainerParams, { image: string }, void>('edm/container');
/** A Dockerfile for EDM to start from. */
export const dockerfileRequest = new RequestType0<string, void>('edm/dockerfile');

export type { Calibration };

/** Parameters of `calibrationRequest`. */
export interface CalibrationParams extends WithProgress {
  cluster: string;
  /** Path of the `*.edm.yaml`. */
  config: string;
}
/** Measures batch sizes of a config with a short job on the cluster, and keeps the result for the config. */
export const calibrationRequest = new RequestType<CalibrationParams, Calibration, void>('edm/calibrateOnCluster');
/** The measurements of a config that are kept, latest first. */
export const calibrationsRequest = new RequestType<{ config: string }, Calibration[], void>('edm/calibrations');
/** The edit that writes a batch size into the text of a config: what replaces the text between two offsets; null where it cannot be written. */
export const batchEditRequest = new RequestType<
  { text: string; batch: number },
  { from: number; to: number; text: string } | null,
  void
>('edm/batchEdit');
