import { optionNamed } from './catalogue/options';
import type { OptionSpec } from './catalogue/option-spec';
import type { BatchScript, ScriptContext } from './reading/script';
import { readScript } from './reading/read-script';
import { contains, type Position, type Range } from './reading/text';
import { variables } from './catalogue/environment';
import { patterns } from './catalogue/patterns';
import { checkValue, lsfMinutesOf, megabytesOf, secondsOf } from './reading/values';

/** Text to show over a word. */
export interface HoverText extends Range {
  markdown: string;
}

/** What to tell about the word at a position: an option, a value, a file name pattern or a scheduler's variable. */
export function hoverAt(text: string, position: Position, context?: ScriptContext): HoverText | undefined {
  const script = readScript(text, context);
  if (!script) return undefined;
  for (const use of script.directives.options) {
    const spelled = script.text.range(use.start, use.end);
    if (use.option && contains(spelled, position)) return { ...spelled, markdown: describeOption(use.option) };
    if (!use.option || !use.value || use.value.line !== position.line) continue;
    const valued = script.text.range(use.value.start, use.value.end);
    if (!contains(valued, position)) continue;
    const meaning = use.option.type === 'log' ? patternAt(script, position, use.value.start, use.value.end) : undefined;
    return meaning ?? { ...valued, markdown: describeValue(use.option, use.value.text) };
  }
  return stepAt(script, position) ?? variableAt(script, position);
}

/** An option or value of srun, salloc or sbatch in the body of the script. */
function stepAt(script: BatchScript, position: Position): HoverText | undefined {
  const offset = script.text.offsetAt(position);
  if (script.scheduler !== 'slurm') return undefined;
  for (const { command, stepOptions } of script.running('srun', 'salloc', 'sbatch')) {
    if (offset < command.start || offset > command.end) continue;
    for (const { option, start, end, value } of stepOptions) {
      if (!option) continue;
      if (start <= offset && offset <= end)
        return { ...script.text.range(start, end), markdown: describeOption(option) };
      if (value?.text !== undefined && value.start <= offset && offset <= value.end)
        return { ...script.text.range(value.start, value.end), markdown: describeValue(option, value.text) };
    }
  }
  return undefined;
}

/** An option in Markdown: forms, description, versions, counterpart. */
export function describeOption(option: OptionSpec): string {
  const value = option.argument === 'none' ? '' : (option.meta ?? option.values?.join('|') ?? 'value');
  const long = option.name.startsWith('--');
  const form = !value
    ? option.name
    : option.argument === 'optional'
      ? `${option.name}[=${value}]`
      : long
        ? `${option.name}=${value}`
        : `${option.name} ${value}`;
  const short = option.short ? `, \`${option.short}${value ? ` ${value}` : ''}\`` : '';
  const notes = [
    option.values ? `Values: ${option.values.map((known) => `\`${known}\``).join(', ')}.` : '',
    option.unit && option.unit !== 'site' ? `A number without a unit means ${option.unit}.` : '',
    option.since ? `Since Slurm ${option.since}.` : '',
    option.until ? `Gone in Slurm ${option.until}.` : '',
    option.lsf ? `LSF: \`${option.lsf}\`.` : '',
    option.slurm ? `Slurm: \`${option.slurm}\`.` : '',
  ].filter(Boolean);
  return [`\`${form}\`${short}`, option.help, notes.join(' ')].filter(Boolean).join('\n\n');
}

/** A value in words, where that says more than the value itself. */
function describeValue(option: OptionSpec, value: string): string {
  if (checkValue(option, value)) return describeOption(option);
  const words = inWords(option, value);
  return [words && `**${words}**`, describeOption(option)].filter(Boolean).join('\n\n');
}

function inWords(option: OptionSpec, value: string): string | undefined {
  switch (option.type) {
    case 'time':
      return duration(secondsOf(value));
    case 'lsf-time':
      return duration((lsfMinutesOf(value) ?? 0) * 60);
    case 'memory': {
      const megabytes = megabytesOf(value);
      if (megabytes === 0) return 'all memory of the node';
      return megabytes === undefined
        ? undefined
        : megabytes >= 1024
          ? `${+(megabytes / 1024).toFixed(2)} GiB`
          : `${megabytes} MiB`;
    }
    default:
      return undefined;
  }
}

function duration(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  if (seconds === 0) return "no limit of its own: the partition's largest";
  const parts = [
    [Math.floor(seconds / 86400), 'day'],
    [Math.floor(seconds / 3600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`)
    .join(' ');
}

function patternAt(script: BatchScript, position: Position, start: number, end: number): HoverText | undefined {
  const raw = script.text.text.slice(start, end);
  for (const found of raw.matchAll(/%\d*[A-Za-z%]/g)) {
    const range = script.text.range(start + found.index, start + found.index + found[0].length);
    const known = patterns.find(
      (pattern) => pattern.scheduler === script.scheduler && pattern.letter === found[0].slice(-1),
    );
    if (known && contains(range, position)) return { ...range, markdown: `\`%${known.letter}\`: ${known.help}` };
  }
  return undefined;
}

function variableAt(script: BatchScript, position: Position): HoverText | undefined {
  const line = script.text.lines[position.line]?.text ?? '';
  for (const found of line.matchAll(/\b(?:SLURM|SBATCH|SRUN|SQUEUE|LSB|LSF|CUDA|APPTAINER|SINGULARITY|OMP)_\w+/g)) {
    const range = {
      start: { line: position.line, character: found.index },
      end: { line: position.line, character: found.index + found[0].length },
    };
    const known = variables.find(({ name }) => name === found[0]);
    if (known && contains(range, position)) return { ...range, markdown: `\`${known.name}\`\n\n${known.help}` };
  }
  return undefined;
}

/** The description of an option by name, for other views. */
export function optionHelp(scheduler: 'slurm' | 'lsf', name: string): string | undefined {
  const option = optionNamed(scheduler, name);
  return option && describeOption(option);
}
