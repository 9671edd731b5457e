import type { Conversion, ConversionNote } from '../shared/protocol';
import type { SchedulerName } from '../shared/scheduler-name';
import { NO_COUNTERPART, toLsf, toSlurm } from './option-converters';
import type { OptionUse } from './reading/directives';
import { readScript } from './reading/read-script';
import type { Script, ScriptContext } from './reading/script';
import { joinedOptions, sizeForLsf, sizeForSlurm } from './size-conversion';

/** Variables with the same meaning in both schedulers. */
const variablePairs: readonly (readonly [slurm: string, lsf: string])[] = [
  ['SLURM_JOB_ID', 'LSB_JOBID'],
  ['SLURM_ARRAY_TASK_ID', 'LSB_JOBINDEX'],
  ['SLURM_JOB_NAME', 'LSB_JOBNAME'],
  ['SLURM_JOB_PARTITION', 'LSB_QUEUE'],
  ['SLURM_SUBMIT_DIR', 'LS_SUBCWD'],
  ['SLURM_NTASKS', 'LSB_DJOB_NUMPROC'],
];

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
  const pairs = new Map(variablePairs.map(([slurm, lsf]) => (to === 'lsf' ? [slurm, lsf] : [lsf, slurm])));
  let result = replaced.size ? '' : block.map((line) => line + eol).join('');
  script.text.lines.forEach((line, number) => {
    if (number === first) result += block.map((one) => one + eol).join('');
    if (replaced.has(number)) return;
    const converted = line.text.replace(/\b(?:SLURM|LSB|LS)_[A-Z_]+\b/g, (name) => {
      const other = pairs.get(name);
      const foreign = to === 'lsf' ? name.startsWith('SLURM_') : !name.startsWith('SLURM_');
      if (!other && foreign) notes.push({ line: number, what: name, why: NO_COUNTERPART });
      return other ?? name;
    });
    if (to === 'lsf' && /(?:^|[\s;&|(])srun(?=\s|$)/.test(line.text) && !/^\s*#/.test(line.text))
      notes.push({
        line: number,
        what: 'srun',
        why: 'does not exist under LSF: use mpirun or blaunch, or start the program itself',
      });
    result += converted + line.eol;
  });
  return result;
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
