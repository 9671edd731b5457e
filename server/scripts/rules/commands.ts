import { optionOf, runsUnder, type Invocation } from '../reading/invocations';
import { resourcesOf } from '../reading/resources';
import type { BatchScript } from '../reading/script';
import type { Assignment, Shell } from '../reading/shell';
import { edmScript } from './gpus';
import { BOTH, LSF, SLURM, links, type Hit, type Rule } from './rule';

/** FID is comparable with published values at this many images only. */
const fidImages = 50_000;

/** `--workers` of NVlabs/edm fid.py where it is not given: 3 data-loading processes. */
const fidWorkers = 3;

const secretNames = /(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|credential)s?$/i;
const secretShapes =
  /^(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|AKIA[A-Z0-9]{16}|sk-[\w-]{20,}|xox[bp]-[\w-]{10,})$/;

/** Rules about the commands of a script: containers, launchers, paths, and what EDM needs. */
export const commandRules: readonly Rule[] = [
  {
    id: 'broken-continuation',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A backslash that does not continue the line',
    why: 'Behind the backslash nothing may stand, not even a blank: the command ends there, and the next line is run as a command of its own.',
    remedy: 'Remove what stands behind the backslash.',
    link: links.bash,
    fixable: true,
    check: function* ({ shell, text }) {
      for (const { start, end } of shell.brokenContinuations) {
        const rest = text.text.slice(start + 1, end).trim();
        yield {
          start,
          end,
          message: rest
            ? `"${rest}" behind the backslash ends the command here`
            : 'A blank behind the backslash ends the command here',
          fix: { title: 'Remove what stands behind the backslash', edits: [{ start: start + 1, end, newText: '' }] },
        };
      }
    },
  },
  {
    id: 'nv-missing',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container without --nv in a GPU job',
    why: 'Without `--nv` (`--rocm` for AMD) the container sees no GPU: PyTorch runs on the CPU, or fails.',
    remedy: 'Add `--nv` to apptainer.',
    link: links.apptainerGpu,
    fixable: true,
    check: function* (script) {
      if (
        !resourcesOf(script).gpu ||
        setBefore(script, 'APPTAINER_NV', 'SINGULARITY_NV', 'APPTAINER_ROCM', 'SINGULARITY_ROCM')
      )
        return;
      for (const invocation of script.running('apptainer exec', 'apptainer run'))
        if (!optionOf(invocation, 'nv', 'nvccli', 'rocm')) {
          const at = subcommandEnd(invocation);
          yield {
            start: invocation.name.start,
            end: at,
            message: 'The container sees no GPU: --nv is missing',
            fix: { title: 'Add --nv', edits: [{ start: at, end: at, newText: ' --nv' }] },
          };
        }
    },
  },
  {
    id: 'bind-missing',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container without --bind',
    why: 'Apptainer mounts the home folder and, at most sites, the current one. Project and scratch file systems are often not mounted, and the program does not find its files.',
    remedy: 'Add `--bind "$PWD"` and whatever else the program reads.',
    link: links.apptainerBind,
    fixable: true,
    check: function* (script) {
      if (setBefore(script, 'APPTAINER_BIND', 'APPTAINER_BINDPATH', 'SINGULARITY_BIND', 'SINGULARITY_BINDPATH')) return;
      const inside = new Set(
        script.invocations
          .filter(({ program, parent }) => parent && program.endsWith('.py'))
          .map((invocation) => runsUnder(invocation, 'apptainer exec')),
      );
      for (const invocation of script.running('apptainer exec'))
        if (inside.has(invocation) && !optionOf(invocation, 'bind', 'B', 'mount', 'home', 'H', 'pwd', 'cwd')) {
          const after = optionOf(invocation, 'nv')?.word.end ?? subcommandEnd(invocation);
          yield {
            start: invocation.name.start,
            end: subcommandEnd(invocation),
            message: 'The container mounts no folder besides the home folder and, at most sites, the current one',
            fix: { title: 'Add --bind "$PWD"', edits: [{ start: after, end: after, newText: ' --bind "$PWD"' }] },
          };
        }
    },
  },
  {
    id: 'apptainer-tmpdir',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A container build without a temporary folder',
    why: '`apptainer build` unpacks the whole image into APPTAINER_TMPDIR, by default /tmp of the node, which is small: the build fails after hours in the queue.',
    remedy: 'Set APPTAINER_TMPDIR to a folder with room, and create it.',
    link: links.apptainerBuild,
    fixable: true,
    check: function* (script) {
      const build = script.running('apptainer build', 'apptainer pull')[0];
      if (
        !build ||
        tmpdirOf(script) ||
        build.command.assignments.some(({ name }) => /_TMPDIR$/.test(name)) ||
        script.shell.variables.has('TMPDIR')
      )
        return;
      const { offset, indent, eol } = commandLine(script, build);
      yield {
        start: build.name.start,
        end: subcommandEnd(build),
        message: 'APPTAINER_TMPDIR is not set: the build unpacks into /tmp of the node',
        fix: {
          title: 'Set and create APPTAINER_TMPDIR',
          edits: [
            {
              start: offset,
              end: offset,
              newText: `${indent}export APPTAINER_TMPDIR="$HOME/tmp"${eol}${indent}mkdir -p "$APPTAINER_TMPDIR"${eol}`,
            },
          ],
        },
      };
    },
  },
  {
    id: 'apptainer-tmpdir-missing',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A temporary folder that nobody creates',
    why: 'apptainer does not create APPTAINER_TMPDIR: if it is missing the build fails at once.',
    remedy: 'Add `mkdir -p "$APPTAINER_TMPDIR"`.',
    link: links.apptainerBuild,
    fixable: true,
    check: function* (script) {
      const set = tmpdirOf(script);
      if (!set || !script.running('apptainer build', 'apptainer pull').length) return;
      const folder = set.value.raw.replace(/["']/g, '');
      if (
        script.context.folderExists?.(set.value.text ?? folder) ||
        /^(?:\/tmp|\/var\/tmp|\$\{?TMPDIR\}?|\$\{?SLURM_TMPDIR\}?)$/.test(folder) ||
        folder.includes('mktemp')
      )
        return;
      const made = script
        .running('mkdir', 'install')
        .some(({ operands }) =>
          operands.some(
            (word) =>
              word.uses.includes(set.name) ||
              word.raw.replace(/["']/g, '').replace(/\/$/, '') === folder.replace(/\/$/, '') ||
              (set.value.text !== undefined && word.text === set.value.text),
          ),
        );
      if (made) return;
      const line = script.text.positionAt(set.start).line;
      const { offset, text: content, eol } = script.text.lines[line] ?? { offset: 0, text: '', eol: '' };
      const indent = /^\s*/.exec(content)?.[0] ?? '';
      const at = offset + content.length;
      yield {
        start: set.start,
        end: set.end,
        message: `${set.name} must exist before apptainer runs; nothing in the script creates it`,
        fix: {
          title: `Add mkdir -p "$${set.name}"`,
          edits: [{ start: at, end: at, newText: `${eol || '\n'}${indent}mkdir -p "$${set.name}"` }],
        },
      };
    },
  },
  {
    id: 'docker-archive-slashes',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'docker-archive: with the wrong slashes',
    why: 'An absolute path takes three slashes, `docker-archive:///home/...`: two belong to the address, the third to the path. With two, the first folder is taken for a host.',
    remedy: 'Write `docker-archive:///absolute/path.tar`.',
    link: links.apptainerDocker,
    fixable: true,
    check: function* (script) {
      if (!script.text.text.includes('-archive:')) return;
      for (const { words } of script.shell.commands)
        for (const word of words) {
          const found = /^(["']?)((?:docker|oci)-archive:)(\/*)(["']?)([^/]?)/.exec(word.raw);
          if (!found) continue;
          const [, , scheme = '', slashes = '', quote = '', next = ''] = found;
          const start = word.start + (found[1]?.length ?? 0) + scheme.length;
          // A variable or ~ stands for an absolute path, which brings its own slash.
          const variable = next === '$' || next === '~' || quote !== '';
          const wanted = variable ? '//' : '///';
          const relative =
            slashes === '' ||
            (slashes === '//' &&
              !variable &&
              !/^(?:home|lu|mnt|scratch|data|work|project|tmp|users|net|gpfs|lustre|opt|var|srv)\//i.test(
                word.raw.slice(start - word.start + 2),
              ));
          if (slashes === wanted || relative || (variable && slashes === '///')) continue;
          yield {
            start: word.start,
            end: word.end,
            message: `${scheme}${slashes} has the wrong number of slashes for an absolute path`,
            fix: {
              title: `Change to ${scheme}${wanted}`,
              edits: [{ start, end: start + slashes.length, newText: wanted }],
            },
          };
        }
    },
  },
  {
    id: 'network-url',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A download on nodes without internet',
    why: 'The nodes of this cluster reach no other machine: the program fails when it opens the address.',
    remedy: 'Download the file on the login node and name the local path.',
    link: links.edm,
    fixable: false,
    needsCluster: true,
    check: function* (script) {
      if (script.cluster?.nodesOnline !== false) return;
      for (const { words } of script.shell.commands) {
        const first = words[0]?.text;
        if (first === 'echo' || first === 'printf') continue;
        for (const word of words) {
          const found = /(?:https?|ftp|docker|library|oras|shub):\/\/[^\s"']+/.exec(word.raw);
          if (!found || /:\/\/(?:localhost|127\.0\.0\.1|\[::1\])/.test(found[0])) continue;
          yield {
            start: word.start + found.index,
            end: word.start + found.index + found[0].length,
            message: 'Compute nodes of this cluster have no internet',
          };
        }
        if (
          /^(?:pip3?|conda|wget|curl)$/.test(first ?? '') &&
          !words.some((word) => word.raw.includes('://')) &&
          /^(?:install|create|update)$/.test(words[1]?.text ?? '') &&
          !words.some(({ raw }) => raw === '--no-index' || raw === '--offline')
        )
          yield {
            start: words[0]?.start ?? 0,
            end: words[1]?.end ?? 0,
            message: `${first} ${words[1]?.text} downloads, and compute nodes of this cluster have no internet`,
          };
      }
      // No address stands in the script; a run on the login node may have filled the cache.
      if (!script.text.text.includes('DNNLIB_CACHE_DIR'))
        for (const { name, operands } of script.running('fid.py'))
          if (operands[0]?.text === 'calc' || operands[0]?.text === 'ref')
            yield {
              start: name.start,
              end: name.end,
              severity: 'info',
              message: 'fid.py downloads the Inception-v3 network unless ~/.cache/dnnlib has it',
              remedy:
                'Run it once on the login node, or set DNNLIB_CACHE_DIR to a folder the network was downloaded to.',
            };
    },
  },
  {
    id: 'commit-prefix',
    severity: 'hint',
    schedulers: BOTH,
    effect: 'runs',
    title: 'Output without the commit in its name',
    why: 'Weeks later nobody knows which version of the code made these images.',
    remedy: 'Begin the folder\'s name with the commit: `--outdir="$(git rev-parse --short HEAD)-images"`.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      for (const invocation of script.running('generate.py')) {
        const option = optionOf(invocation, 'outdir');
        if (!option || option.valueStart === undefined || option.valueEnd === undefined) continue;
        const raw = script.text.text.slice(option.valueStart, option.valueEnd);
        if (
          /git\s+rev-parse|git\s+describe|\$\{?\w*(?:COMMIT|HASH|REV|SHA|VERSION)\w*/i.test(raw) ||
          /(?:^|\/)[0-9a-f]{6,40}[-_/]/.test(raw)
        )
          continue;
        // A variable whose value comes from git will do, whatever it is called.
        const fromGit = option.word.uses.some((name) =>
          script.shell.assignments.some((assignment) => assignment.name === name && /git\s/.test(assignment.value.raw)),
        );
        if (fromGit) continue;
        const folder = /^(["']?)(.*)\1$/s.exec(raw)?.[2] ?? raw;
        const slash = folder.lastIndexOf('/') + 1;
        yield {
          start: option.word.start,
          end: option.valueEnd,
          message: 'The output folder does not name the commit it comes from',
          fix: {
            title: "Put the commit before the folder's name",
            edits: [
              {
                start: option.valueStart,
                end: option.valueEnd,
                newText: `"${folder.slice(0, slash)}$(git rev-parse --short HEAD)-${folder.slice(slash)}"`,
              },
            ],
          },
        };
      }
    },
  },
  {
    id: 'fid-count',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'FID over fewer than 50,000 images',
    why: 'FID falls with the number of images it is measured on: published values are for 50,000, and others cannot be compared with them.',
    remedy: 'Measure 50,000 images, or compare only with values of the same number.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      let byDefault = false;
      for (const measured of script.running('fid.py')) {
        if (measured.operands[0]?.text !== 'calc') continue;
        const num = optionOf(measured, 'num');
        if (!num) byDefault = true;
        else if (
          /^\d+$/.test(num.value ?? '') &&
          Number(num.value) < fidImages &&
          num.valueStart !== undefined &&
          num.valueEnd !== undefined
        )
          yield {
            start: num.word.start,
            end: num.valueEnd,
            message: `FID over ${num.value} images cannot be compared with published values (50,000)`,
            fix: { title: 'Change to 50000', edits: [{ start: num.valueStart, end: num.valueEnd, newText: '50000' }] },
          };
      }
      if (!byDefault) return;
      // fid.py itself refuses to start with fewer images than --num, which is 50,000 by default.
      const made = script.running('generate.py').map((invocation) => optionOf(invocation, 'seeds'));
      const count = made.reduce((sum, seeds) => sum + (seedCount(seeds?.value ?? '') ?? NaN), 0);
      const seeds = made.at(-1);
      if (seeds && count < fidImages)
        yield {
          start: seeds.word.start,
          end: seeds.valueEnd ?? seeds.word.end,
          message: `${count} images are made, and fid.py wants 50,000`,
        };
    },
  },
  {
    id: 'cpus-workers',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'More worker processes or threads than CPUs',
    why: 'A job without --cpus-per-task has one CPU. Data-loading workers that share it slow each other down, and the GPU waits; PyTorch warns about it in the log.',
    remedy: 'Ask for a CPU per worker and one for the program itself.',
    link: links.cpu,
    fixable: true,
    check: function* (script) {
      const { cpusPerTask, tasksPerNode } = resourcesOf(script);
      // Whole nodes, or CPUs counted another way: the number is not known here.
      if (
        script.option(
          '--exclusive',
          '-x',
          '--cpus-per-gpu',
          '--mincpus',
          '--tres-per-task',
          '--overcommit',
          '--array',
        ) &&
        !cpusPerTask.use
      )
        return;
      for (const invocation of script.invocations) {
        const demand = workersOf(invocation);
        if (!demand || runsUnder(invocation, /^(?:srun|mpirun|mpiexec)$/)) continue;
        const cpus = cpusPerTask.count * (cpusPerTask.use ? 1 : tasksPerNode.count);
        const torchrun = runsUnder(invocation, 'torchrun');
        const processes = Number(torchrun && optionOf(torchrun, 'nproc-per-node')?.value) || 1;
        const wanted = demand.count * processes;
        if (wanted <= cpus) continue;
        const value = cpusPerTask.use?.value;
        const { offset, before, after } = script.directiveInsertion;
        const directive =
          script.scheduler === 'slurm'
            ? `#SBATCH --cpus-per-task=${wanted + processes}`
            : `#BSUB -n ${wanted + processes}`;
        yield {
          start: demand.start,
          end: demand.end,
          message: `${wanted} ${demand.what} for ${cpus} CPU${cpus === 1 ? '' : 's'}`,
          fix: value
            ? {
                title: `Ask for ${wanted + processes} CPUs`,
                edits: [{ start: value.start, end: value.end, newText: String(wanted + processes) }],
              }
            : {
                title: `Add ${directive}`,
                edits: [{ start: offset, end: offset, newText: `${before}${directive}${after}` }],
              },
          ...(cpusPerTask.use && {
            related: [
              {
                start: cpusPerTask.use.start,
                end: value?.end ?? cpusPerTask.use.end,
                message: 'CPUs are asked for here',
              },
            ],
          }),
        };
      }
      const threads = script.shell.assignments.find(
        ({ name, value }) => name === 'OMP_NUM_THREADS' && /^\d+$/.test(value.text ?? ''),
      );
      const count = Number(threads?.value.text);
      if (threads && cpusPerTask.use && count > cpusPerTask.count)
        yield {
          start: threads.start,
          end: threads.end,
          message: `${count} threads for ${cpusPerTask.count} CPU${cpusPerTask.count === 1 ? '' : 's'}`,
          fix: {
            title: `Change to ${cpusPerTask.count}`,
            edits: [{ start: threads.value.start, end: threads.value.end, newText: String(cpusPerTask.count) }],
          },
        };
    },
  },
  {
    id: 'srun-cpus-per-task',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'srun does not inherit --cpus-per-task',
    why: "Since Slurm 22.05 srun no longer reads the job's --cpus-per-task: each task gets one CPU.",
    remedy: 'Write `srun --cpus-per-task=$SLURM_CPUS_PER_TASK`, or `export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK`.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      const cpus = script.option('--cpus-per-task');
      if (
        !cpus?.value ||
        !/^\d+$/.test(cpus.value.text) ||
        Number(cpus.value.text) < 2 ||
        script.shell.variables.has('SRUN_CPUS_PER_TASK')
      )
        return;
      for (const invocation of script.running('srun')) {
        if (optionOf(invocation, 'cpus-per-task', 'cpus-per-gpu')) continue;
        if (invocation.command.assignments.some(({ name }) => name === 'SRUN_CPUS_PER_TASK')) continue;
        yield {
          start: invocation.name.start,
          end: invocation.name.end,
          message: `srun gives each task one CPU, not the ${cpus.value.text} of --cpus-per-task`,
          fix: {
            title: 'Add --cpus-per-task=$SLURM_CPUS_PER_TASK',
            edits: [
              {
                start: invocation.name.end,
                end: invocation.name.end,
                newText: ' --cpus-per-task=$SLURM_CPUS_PER_TASK',
              },
            ],
          },
          related: [{ start: cpus.start, end: cpus.value.end, message: 'CPUs are asked for here' }],
        };
      }
    },
  },
  {
    id: 'secret-in-script',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A secret in the script',
    why: 'Batch scripts are committed, copied and kept by the scheduler, where administrators and often other users can read them.',
    remedy:
      'Read it from a file only you can read: `export WANDB_API_KEY=$(cat ~/.wandb-key)`. Replace the secret: it is no longer one.',
    link: links.bash,
    fixable: false,
    check: function* ({ shell, text }) {
      yield* secretsIn(shell);
      const key = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.exec(text.text);
      if (key)
        yield { start: key.index, end: key.index + key[0].length, message: 'A private key stands in the script' };
    },
  },
  {
    id: 'lsf-span',
    severity: 'warning',
    schedulers: LSF,
    effect: 'runs',
    title: 'Slots that may be spread over hosts',
    why: 'LSF deals `-n` slots over hosts as it likes; a program that runs on one host then has fewer CPUs than it looks, and `torchrun --standalone` fewer GPUs.',
    remedy: 'Add `#BSUB -R "span[hosts=1]"`.',
    link: links.bsub,
    fixable: true,
    check: function* (script) {
      const slots = script.option('-n');
      if (!slots?.value || !/^\d+$/.test(slots.value.text) || Number(slots.value.text) < 2) return;
      if (
        script.uses('-R').some(({ value }) => /span\s*\[|affinity\s*\[/.test(value?.text ?? '')) ||
        script.option('-x', '-m', '-hostfile')
      )
        return;
      if (script.running('mpirun', 'mpiexec', 'jsrun', 'blaunch').length) return;
      const { offset, before, after } = script.directiveInsertion;
      yield {
        start: slots.start,
        end: slots.value.end,
        message: `The ${slots.value.text} slots may end up on several hosts`,
        fix: {
          title: 'Add -R "span[hosts=1]"',
          edits: [{ start: offset, end: offset, newText: `${before}#BSUB -R "span[hosts=1]"${after}` }],
        },
      };
    },
  },
];

/** Where new options of `apptainer exec` go: behind the subcommand. */
function subcommandEnd({ command, name, program }: Invocation): number {
  const subcommand = program.split(' ')[1];
  return command.words.find((word) => word.start > name.start && word.text === subcommand)?.end ?? name.end;
}

function setBefore(script: BatchScript, ...names: string[]): boolean {
  return names.some((name) => script.shell.variables.has(name));
}

function tmpdirOf(script: BatchScript): Assignment | undefined {
  return script.shell.assignments
    .filter(({ name }) => name === 'APPTAINER_TMPDIR' || name === 'SINGULARITY_TMPDIR')
    .pop();
}

/** The line a command begins on: where something that must run before it goes. */
function commandLine({ text }: BatchScript, { command }: Invocation): { offset: number; indent: string; eol: string } {
  const line = text.lines[text.positionAt(command.start).line];
  return { offset: line?.offset ?? 0, indent: /^\s*/.exec(line?.text ?? '')?.[0] ?? '', eol: line?.eol || '\n' };
}

/** Seeds in `0-49999` or `1,2,5-10`. */
function seedCount(seeds: string): number | undefined {
  let count = 0;
  for (const part of seeds.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) return undefined;
    count += match[2] === undefined ? 1 : Math.max(0, Number(match[2]) - Number(match[1]) + 1);
  }
  return count;
}

interface Demand {
  count: number;
  what: string;
  start: number;
  end: number;
}

/** Worker processes a Python program starts, as far as its command line or its known defaults tell. */
function workersOf(invocation: Invocation): Demand | undefined {
  if (!invocation.program.endsWith('.py')) return undefined;
  const option = optionOf(invocation, 'workers', 'num-workers', 'n-workers', 'data-workers');
  if (option?.value !== undefined && /^\d+$/.test(option.value))
    return {
      count: Number(option.value),
      what: 'workers',
      start: option.word.start,
      end: option.valueEnd ?? option.word.end,
    };
  if (option || edmScript(invocation) !== 'fid.py') return undefined;
  return {
    count: fidWorkers,
    what: 'workers, which fid.py starts to load images,',
    start: invocation.name.start,
    end: invocation.name.end,
  };
}

function isSecret(name: string, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (secretShapes.test(value)) return true;
  return (
    value.length >= 6 &&
    secretNames.test(name) &&
    !/^[~/.]/.test(value) &&
    !/[<>{}*]|^(?:x+|changeme|none|null|true|false|your.*)$/i.test(value)
  );
}

/** Secrets in assignments and on command lines. No generator: it looks at every word of the script. */
function secretsIn({ assignments, commands }: Shell): Hit[] {
  const hits: Hit[] = [];
  const reported = new Set<number>();
  const held = (assigned: readonly Assignment[]): void => {
    for (const { name, value, start, end } of assigned)
      if (!value.uses.length && !reported.has(start) && isSecret(name, value.text)) {
        reported.add(start);
        hits.push({ start, end, message: `${name} holds a secret` });
      }
  };
  held(assignments);
  for (const command of commands) {
    if (command.assignments.length) held(command.assignments);
    for (const { text = '', uses, start, end } of command.words) {
      if (text.length < 12 || uses.length || reported.has(start)) continue;
      const equals = text.indexOf('=');
      const named = equals > 0 && text.startsWith('--') ? text.slice(0, equals) : '';
      if (secretShapes.test(text) || (equals > 0 && isSecret(named, text.slice(equals + 1))))
        hits.push({ start, end, message: 'A secret stands on a command line' });
    }
  }
  return hits;
}
