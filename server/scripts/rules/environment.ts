import type { Invocation } from '../reading/invocations';
import type { Script } from '../reading/script';
import type { ShellCommand } from '../reading/shell-command';
import { insert, type OffsetFix } from './fixes';
import { BOTH, SLURM, hit, links, shorten, type Rule } from './rule';

/** Variables that sbatch 22.05 sets only if one of some options was given (seen in real jobs), and those options. */
const setBy: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['SLURM_NTASKS', ['--ntasks', '--ntasks-per-node', '--ntasks-per-gpu']],
  ['SLURM_NPROCS', ['--ntasks', '--ntasks-per-node', '--ntasks-per-gpu']],
  ['SLURM_NTASKS_PER_NODE', ['--ntasks-per-node']],
  ['SLURM_CPUS_PER_TASK', ['--cpus-per-task']],
  ['SLURM_CPUS_PER_GPU', ['--cpus-per-gpu']],
  ['SLURM_GPUS', ['--gpus']],
  ['SLURM_GPUS_PER_NODE', ['--gpus-per-node']],
  ['SLURM_GPUS_PER_TASK', ['--gpus-per-task']],
  ['SLURM_MEM_PER_NODE', ['--mem']],
];
/** What to use instead, where there is something that is always set. */
const instead: Readonly<Record<string, string>> = {
  SLURM_NTASKS: '${SLURM_NTASKS:-1}',
  SLURM_CPUS_PER_TASK: '$SLURM_CPUS_ON_NODE',
  SLURM_GPUS: '$SLURM_GPUS_ON_NODE',
  SLURM_GPUS_PER_NODE: '$SLURM_GPUS_ON_NODE',
};

const condaHook =
  /conda\.sh|mamba\.sh|shell\.\w+[ \t]+hook|conda[ \t]+shell\.|bash_?profile|bashrc|\.profile|\/activate\b/;

/** Modules that define the function: conda itself, and what sites build on it (OLCF's open-ce and ibm-wml-ce, frameworks). */
const withConda = /conda|mamba|python|miniforge|open-ce|wml|pytorch|tensorflow|jupyter/i;
/** Modules that surely do not: compilers, MPI, GPU toolkits, libraries, tools. Of others nothing is known. */
const withoutConda =
  /(?:^|\/)(?:cuda|cudnn|nccl|rocm|nvhpc|pgi|gcc|gnu|intel|oneapi|icc|ifort|aocc|llvm|clang|openmpi|mpich|mvapich2?|intel-?mpi|impi|hpcx|ucx|libfabric|mkl|openblas|fftw|hdf5|netcdf|boost|gsl|eigen|cmake|ninja|git|slurm|lsf|java|jdk|openjdk|perl|ruby|matlab|apptainer|singularity|ffmpeg|gdal|geos|proj|bzip2|xz|zlib|tmux|vim|nvtop|stdenv|default-environment|samtools|bwa)(?:[-_/.\d]|$)/i;
/** Subcommands of `module`, which `ml` takes as well. */
const moduleVerbs =
  /^(?:un\w+|rm|del|purge|avail|av|list|spider|show|swap|sw|use|save|restore|reset|refresh|whatis|key\w*|help|is-\w+)$/;

/** Rules about what the shell of a job does and does not know. */
export const environmentRules: readonly Rule[] = [
  {
    id: 'export-without-all',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: '--export without ALL',
    why: 'With `--export=NAME` the job has that variable and no other: without PATH srun finds no program ("execve(): No such file or directory").',
    remedy: 'Write `--export=ALL,NAME`, or `--export=NONE` for an environment of its own.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const uses = script.uses('--export').flatMap(({ value, start }) => (value ? [{ start, value, text: value.text }] : [])); // prettier-ignore
      const steps = script.running('srun').flatMap(({ stepOptions }) => stepOptions);
      for (const { option, value, start } of steps)
        if (option?.name === '--export' && value?.text !== undefined) uses.push({ start, value: { ...value, line: 0, text: value.text }, text: value.text }); // prettier-ignore
      for (const { start, value, text } of uses) {
        if (text === '' || /(?:^|,)\s*(?:ALL|NONE|NIL)\s*(?:,|$)/i.test(text)) continue;
        const quote = /^["']/.test(script.text.slice(value)) ? 1 : 0;
        yield hit({ start, end: value.end }, 'Without ALL the job has no other variable, not even PATH', {
          fix: insert(value.start + quote, 'ALL,', 'Insert ALL'),
        });
      }
    },
  },
  {
    id: 'conda-not-initialised',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'conda activate in a shell that does not know it',
    why: "A batch script is not a login shell and does not read ~/.bashrc, where `conda init` put its function: conda says \"Run 'conda init' before 'conda activate'\", and the script goes on without the environment.",
    remedy: 'Put `eval "$(conda shell.bash hook)"` before it.',
    link: links.conda,
    fixable: true,
    check: function* (script) {
      const activation = activationOf(script);
      if (!activation || initialised(script, activation)) return;
      const { program, command } = activation;
      const [module] = modulesOf(script, command.start).filter((name) => !withoutConda.test(name));
      const unless = module === undefined ? '' : `, unless the module ${shorten(module)} defines it`;
      yield hit(command, `${program} activate needs the function that ${program} init puts into ~/.bashrc, which a batch script does not read${unless}`, {
        severity: module === undefined ? undefined : 'info',
        fix: before(script, command, `eval "$(${program} shell${program === 'micromamba' ? ' hook --shell bash' : '.bash hook'})"`),
      }); // prettier-ignore
    },
  },
  {
    id: 'conda-with-nounset',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'conda activate under set -u',
    why: 'The scripts that packages run on activation use variables that are not set: with `set -u` the job ends there ("unbound variable").',
    remedy: 'Put `set +u` before and `set -u` after it.',
    link: links.conda,
    fixable: true,
    check: function* (script) {
      const activation = activationOf(script);
      if (!activation) return;
      const { command } = activation;
      const switches = script.running('set').filter((one) => one.command.start < command.start);
      const last = switches.flatMap(({ command: { words } }) => nounset(words.map(({ raw }) => raw))).at(-1);
      if (!(last ?? /^#!\S*\s+-\w*u/.test(script.text.text))) return;
      const wrapped = before(script, command, 'set +u');
      yield hit(command, 'Activation scripts may use variables that are not set, which ends the job under set -u', {
        fix: { title: 'Switch set -u off around it', edits: [...wrapped.edits, ...after(script, command, 'set -u').edits] },
      }); // prettier-ignore
    },
  },
  {
    id: 'module-missing',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'module in a shell that may not have it',
    why: '`module` is a shell function that bash inherits from the shell in which the job was submitted. dash (sh on Debian and Ubuntu), zsh and `csh -f` do not.',
    remedy: 'Begin the script with `#!/bin/bash`, or load the function: `source /etc/profile.d/modules.sh`.',
    link: links.bash,
    fixable: false,
    check: function* (script) {
      const shell = /^#!\s*\S*?\/(?:env\s+)?(sh|dash|zsh|csh|tcsh)\b(.*)/.exec(script.text.line(0).text);
      const [use] = script.running('module', 'ml');
      if (!shell || !use || /-\w*l/.test(shell[2] ?? '') || script.running('source', '.').length) return;
      if (/csh$/.test(shell[1] ?? '') && !/-\w*f/.test(shell[2] ?? '')) return;
      yield hit(use.name, `${shell[1]} may not know module`);
    },
  },
  {
    id: 'variable-unset',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A variable that this job does not have',
    why: 'Slurm sets some variables only if an option asked for the number. Otherwise they are empty, and the program gets no number or the next word.',
    remedy: 'Ask for the number with the option, or give a default: `${SLURM_NTASKS:-1}`.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      if (script.components.length > 1 || !script.activeLines.length) return;
      if (!script.inLines(namesVariable).length) return;
      for (const [name, options] of setBy) {
        if (!script.text.text.includes(name) || script.option(...options) || script.shell.variables.has(name)) continue;
        const use = firstUse(script, name);
        if (!use) continue;
        const other = instead[name] ? `; ${instead[name]} is always set` : '';
        yield hit(use, `${name} is empty without ${options.slice(0, 2).join(' or ')}${other}`);
      }
    },
  },
  {
    id: 'array-index-unset',
    severity: 'info',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An array index in a job that is not an array',
    why: 'Without --array, SLURM_ARRAY_TASK_ID is empty.',
    remedy: 'Add `#SBATCH --array=0-9`, or submit with `sbatch --array=0-9`.',
    link: links.arrays,
    fixable: false,
    check: function* (script) {
      const name = 'SLURM_ARRAY_TASK_ID';
      // The option may be given on the command line: a remark that says so is enough.
      if (!script.text.text.includes(name) || /--array\b|(?:^|\s)-a\s*\d/m.test(script.text.text)) return;
      if (script.shell.variables.has(name)) return;
      const use = firstUse(script, name);
      if (use) yield hit(use, `${name} is empty without --array`);
    },
  },
];

const namesVariable = (text: string): true | undefined => text.includes('SLURM_') || undefined;

/** The first word of the job's own shell that uses a variable without a default; in a step all of them are set. */
function firstUse(script: Script, name: string): { start: number; end: number } | undefined {
  const plain = new RegExp(`\\$(?:${name}\\b|\\{${name}\\})`);
  for (const { words, assignments, depth } of script.shell.commands) {
    const guarded = depth > 0 && new RegExp(`-[nzv]\\s+"?\\$?\\{?${name}`).test(script.text.text);
    if (guarded || /^(?:echo|printf|\[|\[\[|test)$/.test(words[0]?.text ?? '')) continue;
    for (const word of [...assignments.map(({ value }) => value), ...words])
      if (word.uses.includes(name) && plain.test(word.raw) && !/^["']?\$\(\(|\$\(/.test(word.raw)) return word;
  }
  return undefined;
}

interface Activation {
  program: string;
  command: ShellCommand;
}

/** The first `conda activate`. */
function activationOf(script: Script): Activation | undefined {
  const found = script
    .running('conda', 'mamba', 'micromamba')
    .filter(({ operands }: Invocation) => operands[0]?.text === 'activate')
    .sort((a, b) => a.command.start - b.command.start)[0];
  return found && { program: found.program, command: found.command };
}

/** Whether something before an activation may have defined the function: the hook, a file, a module. */
function initialised(script: Script, { command }: Activation): boolean {
  const earlier = script.text.text.slice(0, command.start).replace(/^[ \t]*#(?!!).*$/gm, '');
  if (condaHook.test(earlier) || /^#!\S*(?:\s+\S+)?\s+-\w*[li]/.test(earlier) || /^#!.*--login/.test(earlier))
    return true;
  if (script.running('source', '.', 'eval').some((one) => one.command.start < command.start)) return true;
  return modulesOf(script, script.text.text.length).some((name) => withConda.test(name));
}

/** The modules that a script loads before an offset, as it writes them. */
function modulesOf(script: Script, before: number): string[] {
  return script.running('module', 'ml').flatMap(({ program, operands, command }) => {
    const words = operands.map(({ raw }) => raw.replace(/["']/g, '')).filter((word) => !word.startsWith('-'));
    const [verb = ''] = words;
    if (command.start >= before) return [];
    if (verb === 'load' || verb === 'add' || verb === 'try-load') return words.slice(1);
    return program === 'ml' && !moduleVerbs.test(verb) ? words : [];
  });
}

/** For each word of `set`, whether it switches nounset on or off. */
function nounset(words: readonly string[]): boolean[] {
  return words.flatMap((word, i) => {
    if (/^-\w*u/.test(word) || (word === 'nounset' && /^-\w*o$/.test(words[i - 1] ?? ''))) return [true];
    if (/^\+\w*u/.test(word) || (word === 'nounset' && /^\+\w*o$/.test(words[i - 1] ?? ''))) return [false];
    return [];
  });
}

/** Inserts a line before a command, indented as it is. */
function before({ text }: Script, { start }: ShellCommand, line: string): OffsetFix {
  const {
    offset,
    text: written,
    eol,
  } = text.lines[text.positionAt(start).line] ?? { offset: start, text: '', eol: '' };
  return insert(offset, `${/^\s*/.exec(written)?.[0] ?? ''}${line}${eol || '\n'}`, `Insert ${line}`);
}

function after({ text }: Script, { start, end }: ShellCommand, line: string): OffsetFix {
  const indent = /^\s*/.exec(text.lines[text.positionAt(start).line]?.text ?? '')?.[0] ?? '';
  const { offset, text: last } = text.lines[text.positionAt(end).line] ?? { offset: end, text: '' };
  return insert(offset + last.length, `\n${indent}${line}`, `Insert ${line}`);
}
