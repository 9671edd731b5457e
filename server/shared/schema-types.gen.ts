// Generated from schemas/ by `npm run generate`. Do not edit.

/**
 * A run of EDM Workbench: which network makes which images with which sampler, and how they are measured. Names mirror generate.py and fid.py of NVlabs/edm.
 */
export interface RunConfig {
  /**
   * Name of the run; part of its folder runs/<commit>-<name>. Default: the file's name without .edm.yaml.
   */
  name?: string;
  /**
   * The denoiser: EDM's own file (.pkl, training-state .pt; imported on first use), .safetensors, an .onnx file made by `edm-workbench import`, an https address of any of these (downloaded once), or `embedded:fashion-mnist`, the 28x28 class-conditional model that comes with the workbench. Paths start from this file's folder.
   */
  network: string;
  /**
   * Random seeds, one image each: a list of numbers and ranges such as 0-63 or 1,2,5-10. FID is measured over 0-49999.
   */
  seeds?: string | number;
  /**
   * Make every image of this class (0-based label). Without it each seed draws its own class, as generate.py does. Class-conditional networks only.
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
   * Exponent of the time step discretization: larger puts more steps near sigma_min (Karras et al. 2022, equation 5).
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
   * Highest noise level at which churn adds noise (.inf for no limit, the default). ImageNet-64 in the paper: 50.
   */
  S_max?: number;
  /**
   * Standard deviation of the added noise; slightly above 1 counteracts lost detail. ImageNet-64 in the paper: 1.003.
   */
  S_noise?: number;
  /**
   * ODE solver of the ablation sampler. Naming any of solver, disc, schedule and scaling switches to that sampler, as in generate.py.
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
   * Whose random numbers a seed means: torch's CPU generator or its CUDA generator. Default: the device's.
   */
  rng?: "cpu" | "cuda";
  /**
   * Images per network evaluation. It changes speed and memory, never the images.
   */
  batch?: number;
  /**
   * auto takes CUDA where it works and says why where it does not; cuda refuses to run without it.
   */
  device?: "auto" | "cpu" | "cuda";
  /**
   * Folder that holds the run folders, relative to the repository's top.
   */
  outdir?: string;
  /**
   * One sub-folder per 1000 seeds, as generate.py --subdirs. Worth it from some ten thousand images on.
   */
  subdirs?: boolean;
  /**
   * Name of the cluster that this run is submitted to, as its profile calls it.
   */
  cluster?: string;
  /**
   * What computes on the cluster: edm is generate.py and fid.py of this repository in the profile's Apptainer image; workbench is this program, for clusters without one.
   */
  engine?: "edm" | "workbench";
  /**
   * GPUs of the job on the cluster; with engine workbench, of each task.
   */
  gpus?: number;
  /**
   * Engine workbench: the seeds are shared out over so many tasks of a job array.
   */
  tasks?: number;
  /**
   * Time limit of the job as Slurm writes it: minutes, h:mm:ss or d-hh:mm:ss; for LSF it is converted.
   */
  time?: string | number;
  /**
   * Partition (Slurm) or queue (LSF) of the job. Default: the profile's.
   */
  partition?: string;
  /**
   * Account that the job is charged to. Default: the profile's.
   */
  account?: string;
  /**
   * Measure the Frechet distance of the images to reference statistics with any detector. Shown as FD (<detector>).
   */
  fd?: MetricConfig;
  /**
   * Measure FID: the Frechet distance with the published Inception-v3 (2015-12-05) features. Any other detector is refused here; write fd for it.
   */
  fid?: MetricConfig;
}
export interface MetricConfig {
  /**
   * Reference statistics: an .npz file with mu and sigma as fid.py writes it, its https address, or `embedded:fashion-mnist` (its 60,000 training images).
   */
  reference: string;
  /**
   * Feature extractor: the Inception-v3 weights (pt_inception-2015-12-05-6726825d.pth; imported on first use), an .onnx file made by `edm-workbench import`, an https address of either, or `embedded:fashion-mnist`. Default: the one the embedded reference was made with.
   */
  detector?: string;
  /**
   * Images to measure. Fewer at hand is an error, more are sub-sampled with `seed`. Default: one per seed (of each repeat). The published FIDs use 50000; distances over different numbers of images do not compare.
   */
  num?: number;
  /**
   * Measure this many equal parts of the images in the order of their seeds, report the least distance and keep all. The paper's protocol is 3 with seeds 0-149999: three times 50000.
   */
  repeats?: number;
  /**
   * Seed of the random subset where there are more images than num.
   */
  seed?: number;
  /**
   * Images per detector evaluation.
   */
  batch?: number;
  /**
   * Engine edm: keep the statistics of the images (stats.npz) beside the distance, so that they compare with another reference without the images; fid.py looks at them a second time for it. Only where all images are measured. Engine workbench always keeps them.
   */
  statistics?: boolean;
}

/**
 * run.json of a run folder: all it takes to run it again, and how far it came.
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
 * One measured result, one line of .edm-workbench/history.jsonl: everything needed to believe the number and to make it again.
 */
export interface HistoryRecord {
  version: 1;
  /**
   * Digest of everything but time, duration, device and branch: the same result is recorded once.
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
   * Of several repeats the least.
   */
  value: number;
  /**
   * The values of equal parts of the images in the order of their seeds, where there were several.
   */
  repeats?: number[];
  /**
   * Images measured.
   */
  num: number;
  detector: DetectorRecord;
  reference: ReferenceRecord;
  /**
   * cpu or cuda, as it was in fact used.
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
 * Options as given to generate.py; what is absent had generate.py's default. Like network and seeds, the whole is absent where a folder of images does not tell.
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
   * Images behind it, where the file tells.
   */
  num?: number;
}

/**
 * Clusters that jobs can go to: the file .edm-workbench/clusters.yaml, or the setting edmWorkbench.clusters.
 */
export interface Clusters {
  clusters: ClusterProfile[];
}
export interface ClusterProfile {
  /**
   * Name of the cluster, as you call it.
   */
  name: string;
  /**
   * Host alias of your ssh configuration (or user@host). ProxyJump, keys and the rest come from there.
   */
  host?: string;
  /**
   * Host that you reach by a second ssh typed on `host`, with a key that lies there, e.g. rysy.
   */
  via?: string;
  /**
   * The editor already runs on the login node: commands are run here, without ssh.
   */
  local?: boolean;
  /**
   * Which scheduler it runs; found out on the cluster unless given.
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
   * Never ask for the queue more often than this; sites may want 60 or 120.
   */
  poll_seconds?: number;
  /**
   * Lines that every job script runs first, e.g. `module load apptainer`.
   */
  setup?: string[];
  /**
   * Whether compute nodes reach the internet; where they do not, networks, references and detectors are staged.
   */
  nodes_online?: boolean;
  /**
   * Apptainer image on the cluster for EDM's own code, e.g. ~/edm_latest.sif.
   */
  container?: string;
  /**
   * Name of a git remote that both this machine and the cluster reach; commits then go by way of it. Default: they are sent directly over the connection.
   */
  git_remote?: string;
  /**
   * Rules of batch scripts that are switched off for this cluster, by id.
   */
  disabled_rules?: string[];
}

/**
 * What is known of a cluster at one moment: filled from the scheduler's own commands, or written by hand. Batch scripts are checked against it, offline.
 */
export interface ClusterSnapshot {
  /**
   * Name of the cluster, as its users call it.
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
   * Jobs beyond a partition's limits are refused (Slurm's EnforcePartLimits) instead of waiting for ever.
   */
  enforcePartitionLimits?: boolean;
  /**
   * Array indices must stay below this (Slurm's MaxArraySize).
   */
  maxArraySize?: number;
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
   * Used where a script names none.
   */
  default?: boolean;
  /**
   * Accepts jobs.
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
 * One run that was sent to a cluster: what was sent, which jobs it became, what has come back. A file of .edm-workbench/dispatches/, not under version control.
 */
export interface Dispatch {
  version: 1;
  /**
   * Identifies it for ever; part of the folder's name on the cluster.
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
   * preparing: not submitted yet, submitting again continues it. ended: its jobs are over, not everything has been fetched.
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
   * Commit that is checked out on the cluster; differs from code.commit for a dirty tree.
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
   * In the order of submission; a job without id is about to be submitted.
   */
  jobs: DispatchedJob[];
  /**
   * Run folder here, relative to the repository's top, once results were fetched.
   */
  local?: string;
  /**
   * What lies here already.
   */
  fetched: ("results" | "images")[];
  /**
   * Its distances, in words.
   */
  result?: string;
  /**
   * True once the user was told of its end.
   */
  told?: boolean;
  /**
   * Why it failed, in words.
   */
  error?: string;
  /**
   * The log that tells why, absolute on the cluster.
   */
  log?: string;
  /**
   * The line of it that tells, 1-based, as far as it was fetched.
   */
  log_line?: number;
  /**
   * Key of the config that may put it right, e.g. batch.
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
 * Batch sizes of one config, measured by a job on a cluster. A file of .edm-workbench/calibrations/, not under version control.
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
   * Short hash of what was measured, with -dirty where the tree was.
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
   * In growing order of the batch size; at least one.
   */
  points: BatchPoint[];
  /**
   * The batch size to take.
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
   * Images per second, start-up taken off.
   */
  rate: number;
  memory?: BatchMemory;
}
/**
 * Most memory of one GPU (or of the process on a CPU), and what there is, in MiB; absent if unknown.
 */
export interface BatchMemory {
  used: number;
  total: number;
}
