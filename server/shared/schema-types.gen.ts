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
   * sha256 of the network's file, where the source that it carries is not what NVIDIA published and you have read it (`edm-workbench import --show-source FILE`): the workbench then runs the published code with its weights, and says so in every record. Another file is refused. Engine `edm` runs the file's own code and needs no such word.
   */
  accept_source?: string;
  /**
   * Random seeds, one image each: a list of numbers and ranges such as 0-63 or 1,2,5-10. For FID, 0-49999 is usual.
   */
  seeds?: string | number;
  /**
   * Class of every image (0-based label). Without it each seed draws its own class, as in generate.py. Class-conditional networks only.
   */
  class?: number;
  /**
   * Number of sampling steps N. Heun evaluates the network 2N-1 times (NFE), every other solver N times. The paper uses 18 for CIFAR-10, 40 for FFHQ and AFHQv2, 256 for ImageNet-64.
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
   * Solver. heun and euler are generate.py's; any of solver, disc, schedule and scaling selects its ablation sampler. On the embedded model dpmpp-2m at 6 to 10 steps is as good as heun at 18, with a quarter of the evaluations. Multistep solvers (all but heun, euler and euler-ancestral) evaluate once a step and end at D.
   */
  solver?:
    "heun" | "euler" | "euler-ancestral" | "dpmpp-2m" | "dpmpp-3m" | "sde-dpmpp-2m" | "unipc" | "deis" | "ipndm" | "ab";
  /**
   * Order of a multistep solver, the number of evaluations that a step combines: ipndm and ab 1 to 4 (usual 4), deis 1 to 3 (usual 3), unipc 2 or 3 (usual 3). It rises from 1 in the first steps.
   */
  order?: number;
  /**
   * Form of the solver: unipc bh2 (usual) or bh1; dpmpp-3m published (usual; converges with order 2) or exact (order 3); sde-dpmpp-2m midpoint (usual) or heun.
   */
  variant?: "bh1" | "bh2" | "published" | "exact" | "midpoint" | "heun";
  /**
   * What Heun's method averages: the slopes in x (usual), or the denoised images D in x_next = r x + (1 - r) D.
   */
  heun_on?: "x" | "D";
  /**
   * The noise levels to visit, falling, one for each step, as a list or as the name of a text file with them, relative to the config; the step to 0 is added. In place of steps, sigma_min, sigma_max, rho and disc. Levels outside the network's range are clamped to it.
   */
  sigmas?: number[] | string;
  /**
   * S_churn of each step, one number for each; in place of S_churn.
   */
  churn?: number[];
  /**
   * Fresh noise, one number or one for each step. euler-ancestral: from 0 (the Euler step) to 1, relative to sigma_next; usual: sqrt(1 - r^2), that of DDPM. sde-dpmpp-2m: 0 is the ODE, 1 (usual) the SDE.
   */
  eta?: number | number[];
  /**
   * Which noise levels are visited: vp, ve, iddpm and edm of Karras et al. 2022, table 1; log-uniform and cosine, which generate.py does not have.
   */
  disc?: "vp" | "ve" | "iddpm" | "edm" | "log-uniform" | "cosine";
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
   * Processes that share the seeds on the CPU, and its cores; fewer where memory, the job's cores or the seeds do not allow as many. It changes speed and memory, never the images. Default: as many as pay, one for each core at most.
   */
  workers?: number;
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
   * What computes on the cluster. edm: generate.py and fid.py of this repository in the profile's container. workbench: this program, for clusters without such an image.
   */
  engine?: "edm" | "workbench";
  /**
   * GPUs of the job on the cluster; with engine workbench, of each task; with nodes, on each node.
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
   * Partition (Slurm) or queue (LSF) of the jobs; a list where several will do: the scheduler takes the first that is free. Default: that of the profile.
   */
  partition?: string | string[];
  /**
   * Account that jobs are charged to. Default: that of the profile.
   */
  account?: string;
  /**
   * Quality of service of the jobs (Slurm's --qos). LSF has none: its queues decide. Default: that of the profile.
   */
  qos?: string;
  /**
   * Features that the nodes must have, as Slurm's --constraint takes them, e.g. gpu&hbm80g. On LSF names joined by & or | become select[...]. Default: that of the profile.
   */
  constraint?: string;
  /**
   * Memory of the job on each node, e.g. 64G; a number alone is megabytes. On LSF it is reserved with rusage[mem=...], per host unless the site reserves per slot. Default: that of the profile.
   */
  mem?: string | number;
  /**
   * CPU cores of each job that generates or measures images; with several nodes, on each. Default: 4, or 4 for each GPU. The job that merges results takes one.
   */
  cpus?: number;
  /**
   * Model of the GPUs in the site's words, e.g. a100: it becomes part of --gres or --gpus (Slurm), or gmodel (LSF). Default: that of the profile.
   */
  gpu_type?: string;
  /**
   * Option that asks Slurm for the GPUs, where a site takes only one of them: --gres=gpu:N, --gpus=N or --gpus-per-node=N. LSF has one way alone. Default: that of the profile.
   */
  gpus_option?: "gres" | "gpus" | "gpus-per-node";
  /**
   * Engine edm: nodes of the job that generates images. On several, torchrun runs on each of them and they meet at the first; gpus and cpus are then those of each node. Engine workbench divides its seeds with tasks instead.
   */
  nodes?: number;
  /**
   * Reservation that the jobs run in. Default: that of the profile.
   */
  reservation?: string;
  /**
   * Nodes that the jobs must not run on: names as in Slurm's --exclude, e.g. g[1-3],g7, or a list of them. On LSF plain names only. Default: that of the profile.
   */
  exclude?: string | string[];
  /**
   * Address, or user of the cluster, that gets mail when a job ends or fails. Default: that of the profile.
   */
  mail?: string;
  /**
   * Further options of sbatch or bsub as a script has them, one entry a line: --switches=1, or with #SBATCH in front. They are checked as in a script, and what the workbench writes itself is refused. Those of profile, engine and config are written one after the other.
   */
  extra_directives?: string[];
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
   * Feature extractor: the Inception-v3 weights (pt_inception-2015-12-05-6726825d.pth, or NVIDIA's inception-2015-12-05.pkl or .pt; imported on first use), an .onnx file made by `edm-workbench import`, the https address of either, or `embedded:fashion-mnist`. Default: the one that the embedded reference was made with.
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
   * A folder whose status is not complete is visibly incomplete. unknown: of a run on a cluster, nothing says how it ended.
   */
  status: "running" | "complete" | "cancelled" | "failed" | "unknown";
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
  container?: ContainerRecord;
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
  /**
   * What differs from the published code in the source that its file carries, which somebody accepted: names of classes and functions. The images are those of the published code.
   */
  accepted_code?: string[];
}
/**
 * Container that generate.py and fid.py ran in; what is absent is not known.
 */
export interface ContainerRecord {
  engine: "apptainer" | "singularity" | "pyxis" | "podman-hpc" | "cscs";
  /**
   * As the profile names it.
   */
  image: string;
  /**
   * Of the image's file, or of the name in a registry.
   */
  sha256?: string;
  /**
   * Commit that has the Dockerfile it was built from, with nothing uncommitted.
   */
  dockerfile_commit?: string;
  /**
   * Image that the Dockerfile begins from.
   */
  base?: string;
  /**
   * Digest of that image, as the registry has it.
   */
  base_digest?: string;
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
   * Standard error of the value at this number of images, from the influence of each image; of several repeats that of the part with the least value. Absent where it is not known.
   */
  standard_error?: number;
  /**
   * The value of each equal part of the images, in the order of their seeds; absent for a single part.
   */
  repeats?: number[];
  /**
   * Images measured.
   */
  num: number;
  /**
   * How many of the images were converted before they were measured (--convert), by kind, e.g. WebP. Absent where none was.
   */
  converted?: {
    [k: string]: number;
  };
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
  container?: ContainerRecord;
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
  solver?:
    "heun" | "euler" | "euler-ancestral" | "dpmpp-2m" | "dpmpp-3m" | "sde-dpmpp-2m" | "unipc" | "deis" | "ipndm" | "ab";
  order?: number;
  variant?: "bh1" | "bh2" | "published" | "exact" | "midpoint" | "heun";
  heun_on?: "x" | "D";
  sigmas?: number[];
  churn?: number[];
  eta?: number | number[];
  disc?: "vp" | "ve" | "iddpm" | "edm" | "log-uniform" | "cosine";
  schedule?: "vp" | "ve" | "linear";
  scaling?: "vp" | "none";
}
export interface DetectorRecord {
  name: string;
  /**
   * Of the file that was used.
   */
  sha256: string;
  dimension: number;
  /**
   * True only for Inception-v3 (2015-12-05).
   */
  published: boolean;
  /**
   * Digest of its weights, layer and way of preparing images: what tells detectors apart, whatever their files are called.
   */
  identity?: string;
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
 * Partition (Slurm) or queue (LSF) of the jobs; a list where several will do: the scheduler takes the first that is free.
 */
export type Partition = string | string[];
/**
 * Nodes that the jobs must not run on: names as in Slurm's --exclude, e.g. g[1-3],g7, or a list of them. On LSF plain names only.
 */
export type Exclude = string | string[];
/**
 * Further options of sbatch or bsub as a script has them, one entry a line: --switches=1, or with #SBATCH in front. They are checked as in a script, and what the workbench writes itself is refused. Those of profile, engine and config are written one after the other.
 */
export type ExtraDirectives = string[];

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
   * True where the editor already runs on the login node: commands are run here, without ssh, and scripts run in the folder that they are submitted from.
   */
  local?: boolean;
  /**
   * Scheduler of the cluster. auto finds out on the cluster.
   */
  scheduler?: "auto" | "slurm" | "lsf";
  /**
   * Folder on the cluster for code, runs and containers. ~ is your home there, %u your name, and $SCRATCH or another variable what the login shell there says.
   */
  work_folder?: string;
  /**
   * Host alias for file transfers where the site has a separate machine for them.
   */
  transfer_host?: string;
  /**
   * How the host is connected to: ssh2 (the workbench's own), or openssh (the ssh of this machine, with a ControlMaster that you have open where there is one). auto takes openssh where your ssh configuration or your keys need it.
   */
  transport?: "auto" | "ssh2" | "openssh";
  /**
   * Minutes for which a login that nobody uses is kept for the next command or window; 0 keeps none, and each process logs in by itself. Default: 15, and 240 after `edm-workbench login`.
   */
  login_idle?: number;
  partition?: Partition;
  /**
   * Account that jobs are charged to.
   */
  account?: string;
  /**
   * Quality of service of the jobs (Slurm's --qos). LSF has none: its queues decide.
   */
  qos?: string;
  /**
   * Features that the nodes must have, as Slurm's --constraint takes them, e.g. gpu&hbm80g. On LSF names joined by & or | become select[...].
   */
  constraint?: string;
  /**
   * Memory of the job on each node, e.g. 64G; a number alone is megabytes. On LSF it is reserved with rusage[mem=...], per host unless the site reserves per slot.
   */
  mem?: string | number;
  /**
   * CPU cores of each job that generates or measures images; with several nodes, on each. Default: 4, or 4 for each GPU. The job that merges results takes one.
   */
  cpus?: number;
  /**
   * Model of the GPUs in the site's words, e.g. a100: it becomes part of --gres or --gpus (Slurm), or gmodel (LSF).
   */
  gpu_type?: string;
  /**
   * Option that asks Slurm for the GPUs, where a site takes only one of them: --gres=gpu:N, --gpus=N or --gpus-per-node=N. LSF has one way alone.
   */
  gpus_option?: "gres" | "gpus" | "gpus-per-node";
  /**
   * Engine edm: nodes of the job that generates images. On several, torchrun runs on each of them and they meet at the first; gpus and cpus are then those of each node. Engine workbench divides its seeds with tasks instead.
   */
  nodes?: number;
  /**
   * Reservation that the jobs run in.
   */
  reservation?: string;
  exclude?: Exclude;
  /**
   * Address, or user of the cluster, that gets mail when a job ends or fails.
   */
  mail?: string;
  extra_directives?: ExtraDirectives;
  /**
   * Name of the Slurm cluster that the commands are about (-M), where one login node serves several. Each of them is a profile of its own. On LSF: the cluster of -clusters.
   */
  clusters?: string;
  /**
   * What is different for one engine, e.g. a partition with GPUs for edm and one without for workbench. It counts before the profile's own, and after the run config's.
   */
  engines?: {
    edm?: JobOptions;
    workbench?: JobOptions;
  };
  /**
   * Least number of seconds between two queries of the queue. Some sites ask for 60 or 120.
   */
  poll_seconds?: number;
  /**
   * How long the results of ended jobs are looked for before a run is called failed, or its end not known: file systems shared over NFS show them late.
   */
  patience_seconds?: number;
  /**
   * Lines that every job script runs first, e.g. `module load apptainer`.
   */
  setup?: string[];
  /**
   * First line of the job scripts, without #!. By default a login shell, so that `module load` works as it does by hand.
   */
  shell?: string;
  /**
   * Whether compute nodes can reach the internet. Where they cannot, networks, references and detectors are copied to the cluster first.
   */
  nodes_online?: boolean;
  /**
   * Image on the cluster for EDM's own code, in the form that container_engine takes: a .sif for apptainer, e.g. ~/edm_latest.sif; a .sqsh file or a registry's address for pyxis; a name for podman-hpc; an environment (EDF) for cscs.
   */
  container?: string;
  /**
   * What runs EDM's own code. pyxis is srun --container-image; cscs is srun --environment; none runs it as it is, in what setup provides.
   */
  container_engine?: "apptainer" | "singularity" | "pyxis" | "podman-hpc" | "cscs" | "none";
  /**
   * Maker of the GPUs: containers see NVIDIA's with --nv, AMD's with --rocm.
   */
  gpu_vendor?: "nvidia" | "amd";
  /**
   * Name of a git remote that both this machine and the cluster can reach; commits are then sent through it. Default: they are sent directly over the connection to the cluster.
   */
  git_remote?: string;
  /**
   * Ids of the rules for batch scripts that are switched off on this cluster.
   */
  disabled_rules?: string[];
}
export interface JobOptions {
  partition?: Partition;
  /**
   * Account that jobs are charged to.
   */
  account?: string;
  /**
   * Quality of service of the jobs (Slurm's --qos). LSF has none: its queues decide.
   */
  qos?: string;
  /**
   * Features that the nodes must have, as Slurm's --constraint takes them, e.g. gpu&hbm80g. On LSF names joined by & or | become select[...].
   */
  constraint?: string;
  /**
   * Memory of the job on each node, e.g. 64G; a number alone is megabytes. On LSF it is reserved with rusage[mem=...], per host unless the site reserves per slot.
   */
  mem?: string | number;
  /**
   * CPU cores of each job that generates or measures images; with several nodes, on each. Default: 4, or 4 for each GPU. The job that merges results takes one.
   */
  cpus?: number;
  /**
   * Model of the GPUs in the site's words, e.g. a100: it becomes part of --gres or --gpus (Slurm), or gmodel (LSF).
   */
  gpu_type?: string;
  /**
   * Option that asks Slurm for the GPUs, where a site takes only one of them: --gres=gpu:N, --gpus=N or --gpus-per-node=N. LSF has one way alone.
   */
  gpus_option?: "gres" | "gpus" | "gpus-per-node";
  /**
   * Engine edm: nodes of the job that generates images. On several, torchrun runs on each of them and they meet at the first; gpus and cpus are then those of each node. Engine workbench divides its seeds with tasks instead.
   */
  nodes?: number;
  /**
   * Reservation that the jobs run in.
   */
  reservation?: string;
  exclude?: Exclude;
  /**
   * Address, or user of the cluster, that gets mail when a job ends or fails.
   */
  mail?: string;
  extra_directives?: ExtraDirectives;
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
   * True where jobs beyond a partition's limits are refused (Slurm's EnforcePartLimits; always with LSF) instead of waiting forever.
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
   * Time limit in minutes of a job that names none; absent if unknown.
   */
  defaultMinutes?: number;
  /**
   * False where the user may not use it; absent if unknown.
   */
  allowed?: boolean;
  /**
   * Users and groups that may use it, as the scheduler writes them; absent if all may.
   */
  users?: string[];
  /**
   * Fewest slots one job may ask for (LSF).
   */
  minSlots?: number;
  /**
   * Slots of a job that names none (LSF).
   */
  defaultSlots?: number;
  /**
   * Most slots one job may ask for (LSF); absent if unlimited.
   */
  maxSlots?: number;
  /**
   * Most slots that all jobs of one user may have there (LSF); absent if unlimited.
   */
  userSlots?: number;
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
  /**
   * The options that plug-ins add, in the words of the help.
   */
  added?: {
    /**
     * With dashes.
     */
    name: string;
    /**
     * What its value is; absent for an option without one.
     */
    value?: string;
    help?: string;
    /**
     * The plug-in, where its text names it.
     */
    plugin?: string;
  }[];
  /**
   * The plug-ins that the site's plugstack.conf loads, for example `pyxis`; absent if unknown.
   */
  plugIns?: string[];
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
   * preparing: not submitted yet; submitting again continues it. ended: its jobs have ended, but not everything has been fetched, or is visible yet. unknown: nothing says how its jobs ended; pull looks again.
   */
  state: "preparing" | "submitted" | "ended" | "complete" | "failed" | "cancelled" | "unknown";
  /**
   * ISO 8601, UTC, by this machine's clock.
   */
  created: string;
  /**
   * When its end was noticed, ISO 8601, UTC.
   */
  ended?: string;
  /**
   * True of a run that failed, or whose end is not known, where what is missing may still appear: pull looks again.
   */
  unsettled?: boolean;
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
   * Network evaluations per image that the rates were measured at.
   */
  nfe?: number;
  run?: PredictedRun;
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
   * Images per second at the calibration's NFE, without the start-up time.
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
/**
 * What the recommended batch size means for the config's run, as time grows with NFE.
 */
export interface PredictedRun {
  /**
   * Network evaluations per image of the run.
   */
  nfe: number;
  images: number;
  /**
   * Images per second of one job.
   */
  rate: number;
  /**
   * Of making all images, with all tasks of an array at once.
   */
  seconds: number;
}
