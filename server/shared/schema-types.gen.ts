// Generated from schemas/ by `npm run generate`. Do not edit.

/**
 * A run of EDM Workbench: which network generates which images with which sampler, and how they are measured. The names are those of generate.py and fid.py of NVlabs/edm.
 */
export interface RunConfig {
  /**
   * Name of the run; part of its folder runs/<commit>-<name>. Default: the file's name without .edm.yaml.
   */
  name?: string;
  /**
   * The denoiser: a file of EDM itself (.pkl, training-state .pt; imported on first use), .safetensors, an .onnx file made by `edm-workbench import`, the https address of any of these (downloaded once), or `embedded:fashion-mnist`, the 28x28 class-conditional model that comes with the workbench. Paths are relative to this file's folder.
   */
  network: string;
  /**
   * Random seeds, one image each: a list of numbers and ranges such as 0-63 or 1,2,5-10. For FID, 0-49999 is usual.
   */
  seeds?: string | number;
  /**
   * Class of every image (0-based label). Without it each seed draws its own class, as in generate.py. Class-conditional networks only.
   */
  class?: number;
  /**
   * Number of sampling steps N. The Heun solver evaluates the network 2N-1 times (NFE). The paper uses 18 for CIFAR-10, 40 for FFHQ and AFHQv2, 256 for ImageNet-64.
   */
  steps?: number;
  /**
   * Lowest noise level, clamped to what the network supports. Default 0.002.
   */
  sigma_min?: number;
  /**
   * Highest noise level, clamped to what the network supports. Default 80.
   */
  sigma_max?: number;
  /**
   * Exponent of the time step discretization: a larger value puts more steps near sigma_min (Karras et al. 2022, equation 5).
   */
  rho?: number;
  /**
   * Strength of the stochasticity: 0 is the deterministic ODE. ImageNet-64 in the paper: 40.
   */
  S_churn?: number;
  /**
   * Lowest noise level at which churn adds noise. ImageNet-64 in the paper: 0.05.
   */
  S_min?: number;
  /**
   * Highest noise level at which churn adds noise. Default: .inf, no limit. ImageNet-64 in the paper: 50.
   */
  S_max?: number;
  /**
   * Standard deviation of the added noise; slightly above 1 counteracts lost detail. ImageNet-64 in the paper: 1.003.
   */
  S_noise?: number;
  /**
   * ODE solver of the ablation sampler. Any of solver, disc, schedule and scaling selects that sampler, as in generate.py.
   */
  solver?: "heun" | "euler";
  /**
   * Time step discretization of the ablation sampler (Karras et al. 2022, table 1).
   */
  disc?: "vp" | "ve" | "iddpm" | "edm";
  /**
   * Noise schedule sigma(t) of the ablation sampler.
   */
  schedule?: "vp" | "ve" | "linear";
  /**
   * Signal scaling s(t) of the ablation sampler.
   */
  scaling?: "vp" | "none";
  /**
   * Random number generator that a seed is for: torch's CPU generator or its CUDA generator. Default: that of the device.
   */
  rng?: "cpu" | "cuda";
  /**
   * Images evaluated together. It changes speed and memory, never the images.
   */
  batch?: number;
  /**
   * auto uses CUDA where it works and says why where it does not; cuda does not run without it.
   */
  device?: "auto" | "cpu" | "cuda";
  /**
   * Folder of the run folders, relative to the top of the repository.
   */
  outdir?: string;
  /**
   * One subfolder per 1000 seeds, as with generate.py --subdirs. Useful from about ten thousand images on.
   */
  subdirs?: boolean;
  /**
   * Name of the cluster that this run is submitted to, as in its profile.
   */
  cluster?: string;
  /**
   * What computes on the cluster. edm: generate.py and fid.py of this repository in the profile's Apptainer image. workbench: this program, for clusters without such an image.
   */
  engine?: "edm" | "workbench";
  /**
   * GPUs of the job on the cluster; with engine workbench, of each task.
   */
  gpus?: number;
  /**
   * Engine workbench: number of tasks of a job array that the seeds are divided among.
   */
  tasks?: number;
  /**
   * Time limit of the job in Slurm's format: minutes, h:mm:ss or d-hh:mm:ss. It is converted for LSF.
   */
  time?: string | number;
  /**
   * Partition (Slurm) or queue (LSF) of the job. Default: that of the profile.
   */
  partition?: string;
  /**
   * Account that the job is charged to. Default: that of the profile.
   */
  account?: string;
  /**
   * Measure the Frechet distance between the images and reference statistics with any detector. Shown as FD (<detector>).
   */
  fd?: MetricConfig;
  /**
   * Measure FID: the Frechet distance with the published Inception-v3 (2015-12-05) features. Any other detector is refused here: use fd for it.
   */
  fid?: MetricConfig;
}
export interface MetricConfig {
  /**
   * Reference statistics: an .npz file with mu and sigma as fid.py writes it, its https address, or `embedded:fashion-mnist` (its 60,000 training images).
   */
  reference: string;
  /**
   * Feature extractor: the Inception-v3 weights (pt_inception-2015-12-05-6726825d.pth; imported on first use), an .onnx file made by `edm-workbench import`, the https address of either, or `embedded:fashion-mnist`. Default: the one that the embedded reference was made with.
   */
  detector?: string;
  /**
   * Images to measure. Fewer images than this are an error; of more, a random subset is taken with `seed`. Default: one per seed (of each repeat). Published FIDs use 50000; distances over different numbers of images are not comparable.
   */
  num?: number;
  /**
   * Measure this many equal parts of the images in the order of their seeds, report the least distance and keep all of them. The paper's protocol is 3 with seeds 0-149999: three times 50000.
   */
  repeats?: number;
  /**
   * Seed of the random subset where there are more images than num.
   */
  seed?: number;
  /**
   * Images evaluated together by the detector.
   */
  batch?: number;
  /**
   * Engine edm: also keep the statistics of the images (stats.npz), so that they can be compared with another reference without the images; fid.py reads the images a second time for it. Only where all images are measured. Engine workbench always keeps them.
   */
  statistics?: boolean;
}

/**
 * run.json of a run folder: everything needed to run it again, and how far it got.
 */
export interface RunManifest {
  version: 1;
  name: string;
  /**
   * A folder whose status is not complete is visibly incomplete.
   */
  status: "running" | "complete" | "cancelled" | "failed";
  /**
   * Why it failed, in one line.
   */
  error?: string;
  /**
   * ISO 8601, UTC.
   */
  started: string;
  /**
   * ISO 8601, UTC.
   */
  finished?: string;
  /**
   * The run config, relative to the repository's top.
   */
  config_file?: string;
  /**
   * The run config as it was read.
   */
  config: {
    [k: string]: unknown;
  };
  code: CodeVersion;
  network: NetworkIdentity;
  class_names?: string[];
  seeds: string;
  /**
   * Images that the run consists of.
   */
  images?: number;
  /**
   * Digest of what decides the images and the number: equal fingerprints continue one folder.
   */
  fingerprint: string;
  /**
   * Cluster that it ran on; absent for this machine.
   */
  cluster?: string;
  /**
   * Token of the submission, where it ran on a cluster.
   */
  dispatch?: string;
  results?: HistoryRecord[];
}
/**
 * The version of the code that ran (the second of the two identifiers; the network carries the first).
 */
export interface CodeVersion {
  /**
   * Full hash.
   */
  commit: string;
  /**
   * Short hash, as in git rev-parse --short HEAD.
   */
  short: string;
  /**
   * True when the work tree differed from the commit.
   */
  dirty: boolean;
  /**
   * Branch, or empty on a detached HEAD.
   */
  branch: string;
  subject: string;
  author: string;
  /**
   * Author date, ISO 8601.
   */
  date: string;
}
export interface NetworkIdentity {
  name: string;
  /**
   * Of the ONNX file.
   */
  sha256: string;
  /**
   * Of the file it was imported from.
   */
  source_sha256?: string;
  /**
   * Commit of the code that trained it, where known.
   */
  training_commit?: string;
}
/**
 * One measured result, one line of .edm-workbench/history.jsonl: everything that the number depends on, so that it can be checked and made again.
 */
export interface HistoryRecord {
  version: 1;
  /**
   * Digest of everything except time, duration, device and branch: the same result is recorded only once.
   */
  id: string;
  /**
   * When the number was computed, ISO 8601, UTC.
   */
  time: string;
  /**
   * The run's name, or the name of the folder that was measured.
   */
  name: string;
  /**
   * Run folder, or the folder or zip of images that was measured, relative to the repository's top, with forward slashes.
   */
  run: string;
  code: CodeVersion;
  network?: NetworkIdentity;
  sampler?: SamplerRecord;
  /**
   * The seed list, e.g. 0-999.
   */
  seeds?: string;
  class?: number;
  /**
   * FID, or FD (<detector>).
   */
  metric: string;
  /**
   * The distance; of several repeats the least.
   */
  value: number;
  /**
   * The value of each equal part of the images, in the order of their seeds; absent for a single part.
   */
  repeats?: number[];
  /**
   * Images measured.
   */
  num: number;
  detector: DetectorRecord;
  reference: ReferenceRecord;
  /**
   * cpu or cuda: the device that was actually used.
   */
  device: string;
  /**
   * Cluster that it ran on; absent for this machine.
   */
  cluster?: string;
  /**
   * Wall-clock seconds.
   */
  seconds: {
    generate?: number;
    measure: number;
  };
}
/**
 * Options as given to generate.py; what is absent had generate.py's default. Like network and seeds, it is absent as a whole where a folder of images does not say.
 */
export interface SamplerRecord {
  steps: number;
  /**
   * Network evaluations per image.
   */
  nfe: number;
  rng: "cpu" | "cuda";
  sigma_min?: number;
  sigma_max?: number;
  rho?: number;
  S_churn?: number;
  S_min?: number;
  S_max?: number;
  S_noise?: number;
  solver?: "heun" | "euler";
  disc?: "vp" | "ve" | "iddpm" | "edm";
  schedule?: "vp" | "ve" | "linear";
  scaling?: "vp" | "none";
}
export interface DetectorRecord {
  name: string;
  sha256: string;
  dimension: number;
  /**
   * True only for Inception-v3 (2015-12-05).
   */
  published: boolean;
}
export interface ReferenceRecord {
  name: string;
  sha256: string;
  /**
   * Images that it was computed from, where the file says so.
   */
  num?: number;
}

/**
 * Clusters that jobs can be submitted to: the file .edm-workbench/clusters.yaml, or the setting edmWorkbench.clusters.
 */
export interface Clusters {
  clusters: ClusterProfile[];
}
export interface ClusterProfile {
  /**
   * Your name for the cluster.
   */
  name: string;
  /**
   * Host alias of your ssh configuration, or user@host. ProxyJump, keys and all other settings are taken from there.
   */
  host?: string;
  /**
   * Host that is reached with a second ssh from `host`, with a key that is stored on `host`, e.g. rysy.
   */
  via?: string;
  /**
   * True where the editor already runs on the login node: commands are run here, without ssh.
   */
  local?: boolean;
  /**
   * Scheduler of the cluster. auto finds out on the cluster.
   */
  scheduler?: "auto" | "slurm" | "lsf";
  /**
   * Folder on the cluster for code, runs and containers; ~ is your home there.
   */
  work_folder?: string;
  /**
   * Host alias for file transfers where the site has a separate machine for them.
   */
  transfer_host?: string;
  /**
   * Account that jobs are charged to.
   */
  account?: string;
  /**
   * Partition (Slurm) or queue (LSF) for jobs.
   */
  partition?: string;
  /**
   * Least number of seconds between two queries of the queue. Some sites ask for 60 or 120.
   */
  poll_seconds?: number;
  /**
   * Lines that every job script runs first, e.g. `module load apptainer`.
   */
  setup?: string[];
  /**
   * Whether compute nodes can reach the internet. Where they cannot, networks, references and detectors are copied to the cluster first.
   */
  nodes_online?: boolean;
  /**
   * Apptainer image on the cluster for EDM's own code, e.g. ~/edm_latest.sif.
   */
  container?: string;
  /**
   * Name of a git remote that both this machine and the cluster can reach; commits are then sent through it. Default: they are sent directly over the connection to the cluster.
   */
  git_remote?: string;
  /**
   * Ids of the rules for batch scripts that are switched off on this cluster.
   */
  disabled_rules?: string[];
}

/**
 * What is known about a cluster at one moment: taken from the scheduler's own commands, or written by hand. Batch scripts are checked against it, offline.
 */
export interface ClusterSnapshot {
  /**
   * Name of the cluster.
   */
  name?: string;
  /**
   * The scheduler it runs.
   */
  scheduler: "slurm" | "lsf";
  /**
   * Version of the scheduler, for example `22.05.8`.
   */
  version?: string;
  /**
   * When the snapshot was taken, ISO 8601.
   */
  taken?: string;
  /**
   * Partitions (Slurm) or queues (LSF).
   */
  partitions: ClusterPartition[];
  /**
   * Compute nodes.
   */
  nodes?: ClusterNode[];
  /**
   * Accounts of the user; absent if unknown.
   */
  accounts?: string[];
  /**
   * Account that is charged where a script names none.
   */
  defaultAccount?: string;
  /**
   * Qualities of service of the user; absent if unknown.
   */
  qos?: string[];
  /**
   * True where jobs beyond a partition's limits are refused (Slurm's EnforcePartLimits) instead of waiting forever.
   */
  enforcePartitionLimits?: boolean;
  /**
   * Array indices must stay below this (Slurm's MaxArraySize).
   */
  maxArraySize?: number;
  submitOptions?: SubmitOptions;
  /**
   * Slurm's TaskPlugin, for example `task/affinity,task/cgroup`; with `task/none` tasks are not bound to CPUs.
   */
  taskPlugin?: string;
  /**
   * Slurm's SelectType, for example `select/cons_tres`.
   */
  selectType?: string;
  /**
   * True where jobs without an account are refused (Slurm's AccountingStorageEnforce) unless there is a default one.
   */
  accountNeeded?: boolean;
  /**
   * Whether compute nodes reach the internet; absent if unknown.
   */
  nodesOnline?: boolean;
}
export interface ClusterPartition {
  /**
   * Name of the partition or queue.
   */
  name: string;
  /**
   * True for the partition that is used where a script names none.
   */
  default?: boolean;
  /**
   * True where it accepts jobs.
   */
  up?: boolean;
  /**
   * Longest time limit in minutes; absent if unlimited.
   */
  maxMinutes?: number;
  /**
   * Most nodes one job may have; absent if unlimited.
   */
  maxNodes?: number;
  /**
   * Accounts that may use it; absent if all may.
   */
  allowAccounts?: string[];
  /**
   * Qualities of service that may be used; absent if all may.
   */
  allowQos?: string[];
  /**
   * Names of its nodes.
   */
  nodes?: string[];
}
export interface ClusterNode {
  /**
   * Name of the node.
   */
  name: string;
  /**
   * CPUs a job can get.
   */
  cpus?: number;
  /**
   * Memory a job can get, in megabytes.
   */
  memoryMegabytes?: number;
  /**
   * Features for --constraint.
   */
  features?: string[];
  /**
   * Generic resources, GPUs above all.
   */
  gres?: ClusterGres[];
  /**
   * State in the scheduler's words, for example `idle`.
   */
  state?: string;
  /**
   * CPUs that were in use.
   */
  cpusUsed?: number;
}
export interface ClusterGres {
  /**
   * Kind of resource, for example `gpu`.
   */
  name: string;
  /**
   * Model, for example `a100`.
   */
  type?: string;
  /**
   * How many the node has.
   */
  count: number;
  /**
   * How many were in use.
   */
  used?: number;
}
/**
 * The long options that the commands list in their help, those of plug-ins (SPANK) included; absent if unknown.
 */
export interface SubmitOptions {
  /**
   * Of `sbatch --help`, with dashes.
   */
  sbatch?: string[];
  /**
   * Of `srun --help`, with dashes.
   */
  srun?: string[];
}

/**
 * One run that was sent to a cluster: what was sent, which jobs run it, and what was fetched. A file in .edm-workbench/dispatches/, not under version control.
 */
export interface Dispatch {
  version: 1;
  /**
   * Identifies the dispatch, never used again; part of the folder's name on the cluster.
   */
  token: string;
  /**
   * Name of the cluster's profile.
   */
  cluster: string;
  engine: "edm" | "workbench";
  /**
   * The run's name.
   */
  name: string;
  /**
   * The run config, relative to the repository's top.
   */
  config_file: string;
  /**
   * preparing: not submitted yet; submitting again continues it. ended: its jobs have ended, but not everything has been fetched.
   */
  state: "preparing" | "submitted" | "ended" | "complete" | "failed" | "cancelled";
  /**
   * ISO 8601, UTC, by this machine's clock.
   */
  created: string;
  /**
   * When its end was noticed, ISO 8601, UTC.
   */
  ended?: string;
  code: CodeVersion;
  /**
   * Commit that is checked out on the cluster; it differs from code.commit where the work tree was dirty.
   */
  checkout: string;
  /**
   * Digest of what decides the images.
   */
  fingerprint: string;
  seeds: string;
  /**
   * Images that the run consists of.
   */
  images: number;
  /**
   * Run folder relative to the work tree on the cluster.
   */
  run: string;
  /**
   * Work tree on the cluster, absolute; empty until it is known.
   */
  folder: string;
  /**
   * In the order of submission; a job without an id is about to be submitted.
   */
  jobs: DispatchedJob[];
  /**
   * Run folder here, relative to the repository's top, once results were fetched.
   */
  local?: string;
  /**
   * What has been fetched to this machine.
   */
  fetched: ("results" | "images")[];
  /**
   * Its distances as text.
   */
  result?: string;
  /**
   * True once the user was told that it ended.
   */
  told?: boolean;
  /**
   * Why it failed, in words.
   */
  error?: string;
  /**
   * The log that explains the failure, as an absolute path on the cluster.
   */
  log?: string;
  /**
   * The line of the log that explains the failure, 1-based, in the part that was fetched.
   */
  log_line?: number;
  /**
   * Key of the config that may fix the failure, e.g. batch.
   */
  fix?: string;
  /**
   * What the user should know, one sentence each.
   */
  notes: string[];
}
export interface DispatchedJob {
  role: "generate" | "fid" | "finish";
  /**
   * Identifies the submission, as the scheduler keeps it.
   */
  token: string;
  /**
   * As the scheduler names the job.
   */
  id?: string;
  /**
   * Number of array tasks.
   */
  tasks?: number;
}

/**
 * Batch sizes of one config, measured by a job on a cluster. A file in .edm-workbench/calibrations/, not under version control.
 */
export interface Calibration {
  version: 1;
  /**
   * ISO 8601, UTC.
   */
  time: string;
  /**
   * Name of the cluster's profile.
   */
  cluster: string;
  /**
   * The run config, relative to the repository's top.
   */
  config_file: string;
  /**
   * Short hash of the commit that was measured, with -dirty where the work tree differed from it.
   */
  commit: string;
  engine: "edm" | "workbench";
  /**
   * As the config names it.
   */
  network: string;
  gpus: number;
  /**
   * As the scheduler names the job.
   */
  job: string;
  /**
   * Absolute path on the cluster.
   */
  log: string;
  /**
   * Sorted by batch size; at least one.
   */
  points: BatchPoint[];
  /**
   * The recommended batch size.
   */
  batch: number;
  /**
   * Why, in one sentence.
   */
  reason: string;
}
/**
 * One batch size, measured.
 */
export interface BatchPoint {
  batch: number;
  /**
   * Images per second, without the start-up time.
   */
  rate: number;
  memory?: BatchMemory;
}
/**
 * Most memory that one GPU (or the process on a CPU) used, and how much there is, in MiB; absent if unknown.
 */
export interface BatchMemory {
  used: number;
  total: number;
}
