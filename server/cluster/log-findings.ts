/** What the lines of a log mean: progress bars, and known failures with a remedy. */

/** A failure, or noise that looks like one. */
export interface LogFinding {
  id: string;
  pattern: RegExp;
  /** In words. */
  text: string;
  /** What to do; absent where it is harmless. */
  remedy?: string;
}

/** The first that matches a line explains it, so specific ones come before general ones. */
export const LOG_FINDINGS: readonly LogFinding[] = [
  {
    id: 'apptainer-noise',
    pattern: /^\d+:\d+: not a valid test operator: /,
    text: "Harmless: the container's shell does not understand a start-up script",
  },
  {
    id: 'bind-noise',
    pattern: /underlay of \S+ required more than \d+ \(\d+\) bind mounts/,
    text: 'Harmless: Apptainer had to mount many files one by one',
  },
  {
    id: 'cuda-memory',
    pattern: /CUDA out of memory|CUDNN_STATUS_ALLOC_FAILED|cuda(?:Malloc|ErrorMemoryAllocation).*out of memory/i,
    text: 'Not enough GPU memory',
    remedy: 'Lower --batch, or ask for a GPU with more memory.',
  },
  {
    id: 'memory',
    pattern: /oom[-_]kill|Exceeded (?:job |step )?memory limit|TERM_MEMLIMIT|DefaultCPUAllocator: can't allocate memory|\bMemoryError\b|Out of memory: Kill/i,
    text: 'Not enough memory for the job',
    remedy: 'Ask for more with --mem (LSF: -M and rusage[mem]), or use a smaller batch.',
  },
  {
    id: 'time-limit',
    pattern: /CANCELLED AT \S+ DUE TO TIME LIMIT|TERM_RUNLIMIT|DUE TO TIME LIMIT/,
    text: 'The job reached its time limit',
    remedy: 'Ask for more with --time (LSF: -W), or split the work. Generation continues where it stopped when it is submitted again.',
  },
  {
    id: 'preempted',
    pattern: /CANCELLED AT \S+ DUE TO PREEMPTION/,
    text: 'The job was preempted by one of higher priority',
    remedy: 'Submit it again. With --requeue, the scheduler does so by itself.',
  },
  {
    id: 'node-failure',
    pattern: /CANCELLED AT \S+ DUE TO NODE FAILURE|Node failure on|NODE_FAIL|uncorrectable (?:NVLink|ECC) error|fallen off the bus/i,
    text: 'A node or its GPU failed',
    remedy: "Submit it again. If it happens twice on the same node, tell the site's support (--exclude=NODE avoids the node).",
  },
  {
    id: 'cancelled',
    pattern: /\*\*\* (?:JOB|STEP) \S+ ON \S+ CANCELLED AT|TERM_OWNER/,
    text: 'The job was cancelled',
  },
  {
    id: 'no-gpu',
    pattern: /No CUDA GPUs are available|Found no NVIDIA driver|no CUDA-capable device|Could not find any nv files|CUDA driver version is insufficient/i,
    text: 'The program found no GPU',
    remedy: 'Ask for a GPU with --gres=gpu:1, and let the container see it: --nv (AMD: --rocm) for Apptainer, --gpu for podman-hpc.',
  },
  {
    id: 'cuda-error',
    pattern: /CUDA error: |no kernel image is available|CUBLAS_STATUS_|NCCL (?:error|WARN)|device-side assert/i,
    text: 'CUDA reported an error',
    remedy: 'Check that the container was built for this GPU. Run it again with CUDA_LAUNCH_BLOCKING=1 to see where it happens.',
  },
  {
    id: 'container-missing',
    pattern: /FATAL:\s+(?:could not open image|while (?:building|extracting)|image source)|no such file.*\.(?:sif|sqsh|squashfs)|pyxis: (?:failed to import|couldn't (?:start|get) container|\[ERROR\])|\b(?:image not known|manifest unknown|short-name .* did not resolve)|Failed to lookup image|ch-run\[\d+\]: error: (?:can't stat|image not found|not an image)|EDF .*(?:not found|does not exist)/i,
    text: 'The container image could not be opened or built',
    remedy: 'Check its name or path (docker-archive:///absolute/path has three slashes; pyxis writes registry#image), that it is where compute nodes see it, and that the folder for unpacking (APPTAINER_TMPDIR, ENROOT_TEMP_PATH) exists and has space.',
  },
  {
    id: 'bind',
    pattern: /FATAL:.*(?:mount|bind)|mount source .* doesn't exist|error while (?:mounting|binding)/i,
    text: 'A folder could not be bound into the container',
    remedy: 'Check that the folder given to --bind (-v, --mount, --container-mounts) exists on the compute nodes.',
  },
  {
    id: 'quota',
    pattern: /Disk quota exceeded|No space left on device|\bENOSPC\b|\bEDQUOT\b/i,
    text: 'The disk is full, or your quota is used up',
    remedy: 'Remove files that are not needed (quota -s, du -sh *), or write elsewhere.',
  },
  {
    id: 'module',
    pattern: /ModuleNotFoundError: No module named |ImportError: /,
    text: 'A Python package is missing',
    remedy: "Install it where the job runs: in the container's Dockerfile, or in the environment that the script activates.",
  },
  {
    id: 'network',
    pattern: /(?:Temporary failure in name resolution|Name or service not known|Could not resolve host|Network is unreachable|Max retries exceeded|urlopen error)/i,
    text: 'An internet address could not be reached',
    remedy: 'Compute nodes may be offline: download the file on the login node and give its path.',
  },
  {
    id: 'library',
    pattern: /error while loading shared libraries: /,
    text: 'A shared library is missing',
    remedy: 'Load its module in the script, or run inside the container.',
  },
  {
    id: 'command',
    pattern: /: command not found$|execve\(\): .*: No such file or directory/,
    text: 'A command was not found',
    remedy: 'Check its spelling, or load its module in the script. Compute nodes may have fewer programs than the login node.',
  },
  {
    id: 'file',
    pattern: /FileNotFoundError|No such file or directory/,
    text: 'A file or folder does not exist where the job ran',
    remedy: 'Check the path: it is relative to the folder that the job was submitted from.',
  },
  { id: 'permission', pattern: /Permission denied/, text: 'Permission was denied', remedy: 'Check the permissions of the file or folder.' },
  { id: 'killed', pattern: /^(?:.*: line \d+: +\d+ )?Killed\b|exitcode\s*: -9|died with <Signals\.SIGKILL/, text: 'A process was killed from outside, most often because memory ran out', remedy: 'Ask for more with --mem, or use a smaller batch.' },
  { id: 'segfault', pattern: /Segmentation fault|SIGSEGV/, text: 'A program crashed', remedy: 'Check that its libraries match the GPU driver and the machine.' },
  { id: 'port', pattern: /Address already in use|EADDRINUSE/, text: 'Another program is using the port', remedy: 'Start torchrun with --standalone, or choose another --master_port.' },
]; // prettier-ignore

/** What a line means, if it is known. */
export function explain(line: string): LogFinding | undefined {
  return LOG_FINDINGS.find(({ pattern }) => pattern.test(line));
}

/** The state of a tqdm progress bar. */
export interface BarProgress {
  done: number;
  total: number;
  rate?: string;
  eta?: string;
}

/** ` 10%|█         | 79/782 [00:12<01:10,  9.95batch/s]`, as tqdm prints it; undefined for any other line. */
export function progressOf(line: string): BarProgress | undefined {
  const found =
    /\|\s*([\d.]+)([kMG]?)\/([\d.]+)([kMG]?)(?:[^\s\d.]\S*)?\s+\[(?:[\d:]+)<([\d:?]+)(?:,\s*([^\],]+))?/.exec(line);
  if (!found) return undefined;
  const [, done = '', doneUnit = '', total = '', totalUnit = '', eta = '', rate] = found;
  const count = (text: string, unit: string): number => Number(text) * ({ k: 1e3, M: 1e6, G: 1e9 }[unit] ?? 1);
  return {
    done: count(done, doneUnit),
    total: count(total, totalUnit),
    ...(rate !== undefined && !rate.startsWith('?') && { rate: rate.trim() }),
    ...(!eta.includes('?') && { eta }),
  };
}
