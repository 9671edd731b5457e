import type { Conversion, ConversionNote } from '../shared/protocol';
import type { SchedulerName } from '../shared/scheduler-name';
import { NO_COUNTERPART, toLsf, toSlurm } from './option-converters';
import type { OptionUse } from './reading/directives';
import type { Invocation } from './reading/invocations';
import { readScript } from './reading/read-script';
import type { Script, ScriptContext } from './reading/script';
import { joinedOptions, sizeForLsf } from './size-conversion';
import { sizeForSlurm } from './size-for-slurm';
import { convertVariables, equivalents } from './variable-conversion';

/**
 * Rewrites a script for the other scheduler; undefined for a text without directives. Nothing is dropped silently:
 * whatever has no counterpart is in `notes`.
 */
export function convert(text: string, context?: ScriptContext): Conversion | undefined {
  const script = readScript(text, context);
  if (!script) return undefined;
  const to = script.scheduler === 'slurm' ? 'lsf' : 'slurm';
  const notes: ConversionNote[] = [];
  const noteOption = (use: OptionUse, why: string): void =>
    void notes.push({ line: use.line, what: written(script, use), why });
  const words = (to === 'lsf' ? sizeForLsf : sizeForSlurm)(script, noteOption);
  for (const use of script.activeOptions) {
    const note = (why: string): void => noteOption(use, why);
    if (use.component > 0) note('is part of a heterogeneous job, which has no counterpart');
    else if (!use.option) note('is not an option and is left out');
    else if (script.option(use.option.name) !== use && use.option.name !== '-R') continue;
    else if (!joinedOptions.has(use.option.name)) {
      const converter = (to === 'lsf' ? toLsf : toSlurm)[use.option.name];
      if (converter) words.push(...converter(use.value?.text ?? '', script, note));
      else note(NO_COUNTERPART);
    }
  }
  const keyword = to === 'lsf' ? '#BSUB' : '#SBATCH';
  const block = mergeMailTypes(words).map((word) => `${keyword} ${word}`);
  return {
    from: script.scheduler,
    to,
    text: rewrite(script, block, to, notes),
    notes: notes.sort((a, b) => a.line - b.line),
  };
}

/** The script with its directive lines replaced by `block`, where the first of them was. */
function rewrite(script: Script, block: string[], to: SchedulerName, notes: ConversionNote[]): string {
  const replaced = new Set(script.activeLines.map(({ line }) => line));
  const first = Math.min(...replaced);
  const eol = script.text.lines[0]?.eol || '\n';
  const known = equivalents(script, to);
  let result = replaced.size ? '' : block.map((line) => line + eol).join('');
  script.text.lines.forEach((line, number) => {
    if (number === first) result += block.map((one) => one + eol).join('');
    if (replaced.has(number)) return;
    const converted = convertVariables(line.text, to, known, (what, equivalent) =>
      notes.push({ line: number, what, why: equivalent ? `must be written as ${equivalent}` : NO_COUNTERPART }),
    );
    if (to === 'lsf' && /(?:^|[\s;&|(])srun(?=\s|$)/.test(line.text) && !/^\s*#/.test(line.text))
      notes.push({
        line: number,
        what: 'srun',
        why: 'does not exist under LSF: use mpirun or blaunch, or start the program itself',
      });
    result += converted + line.eol;
  });
  if (to === 'slurm') notes.push(...launcherNotes(script));
  return result;
}

/** What starts programs under LSF only, with what does the same under Slurm. */
function launcherNotes(script: Script): ConversionNote[] {
  return script.running('jsrun', 'blaunch', 'lsrun', 'bsub').map((invocation) => {
    const { program, name } = invocation;
    const instead = { jsrun: stepOf(invocation), bsub: 'sbatch' }[program] ?? 'srun';
    const why = `does not exist under Slurm: write ${instead}`;
    return { line: script.text.positionAt(name.start).line, what: program, why };
  });
}

/** The step that does what a jsrun does: a resource set becomes tasks with their CPUs and GPUs. */
function stepOf({ options }: Invocation): string {
  const number = (...names: string[]): number | undefined => {
    const value = options.find(({ name }) => names.includes(name))?.value;
    return /^\d+$/.test(value ?? '') ? Number(value) : undefined;
  };
  const [sets, tasks = 1] = [number('n', 'nrs'), number('a', 'tasks-per-rs')];
  const [cpus, gpus] = [number('c', 'cpu-per-rs'), number('g', 'gpu-per-rs')];
  const even = (count: number | undefined): count is number => count !== undefined && count > 0 && count % tasks === 0;
  return [
    'srun',
    ...(sets === undefined ? [] : [`--ntasks=${sets * tasks}`]),
    ...(even(cpus) ? [`--cpus-per-task=${cpus / tasks}`] : []),
    ...(even(gpus) ? [`--gpus-per-task=${gpus / tasks}`] : []),
  ].join(' ');
}

/** One --mail-type and one --open-mode for several: of repeated options, only the last would count. */
function mergeMailTypes(words: string[]): string[] {
  const types = words
    .filter((word) => word.startsWith('--mail-type='))
    .map((word) => word.slice('--mail-type='.length));
  const modes = words.filter((word) => word === '--open-mode=append').slice(1).length;
  const rest = words.filter((word) => !word.startsWith('--mail-type='));
  for (let i = 0; i < modes; i++) rest.splice(rest.lastIndexOf('--open-mode=append'), 1);
  return types.length ? [...rest, `--mail-type=${types.join(',')}`] : rest;
}

function written(script: Script, use: OptionUse): string {
  return script.text.slice({ start: use.start, end: use.value?.line === use.line ? use.value.end : use.end });
}
