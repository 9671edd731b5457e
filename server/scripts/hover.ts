import type { Position, Range } from 'vscode-languageserver-textdocument';
import type { OptionSpec } from './catalogue/option-spec';
import { siteOption } from './site-options';
import { programHover } from './program-hover';
import type { Token } from './reading/directives';
import type { Script, ScriptContext } from './reading/script';
import { readScript } from './reading/read-script';
import { readApplications } from './reading/lsf-applications';
import { placeOf } from './reading/lsf-problem';
import { contains, type Span } from './reading/text';
import { esubApplications } from './catalogue/esub-applications';
import { variables } from './catalogue/environment';
import { patterns } from './catalogue/patterns';
import { checkValue } from './reading/value-checks';
import { lsfMinutesOf, megabytesOf, secondsOf } from './reading/values';

/** Text to show over a word. */
interface HoverText extends Range {
  markdown: string;
}

/** What there is to say about the word at a position: an option, a value, a file name pattern or a variable. */
export function hoverAt(text: string, position: Position, context?: ScriptContext): HoverText | undefined {
  const script = readScript(text, context);
  if (!script) return undefined;
  for (const use of script.directives.options) {
    const spelled = script.text.range(use);
    if (!use.option && contains(spelled, position)) {
      const site = script.cluster?.submitOptions?.sbatch?.includes(use.spelling);
      return site ? { ...spelled, markdown: describeOption(siteOption(use.spelling, script.cluster)) } : undefined;
    }
    if (use.option && contains(spelled, position)) return { ...spelled, markdown: describeOption(use.option) };
    if (!use.option || !use.value || use.value.line !== position.line) continue;
    const valued = script.text.range(use.value);
    if (!contains(valued, position)) continue;
    const inside = use.option.type === 'lsf-applications' ? applicationAt(script, position, use.value) : undefined;
    const meaning = use.option.type === 'log' ? patternAt(script, position, use.value) : inside;
    return meaning ?? { ...valued, markdown: describeValue(use.option, use.value.text) };
  }
  return stepAt(script, position) ?? variableAt(script, position) ?? programAt(script, position);
}

/** An option or value of srun, salloc or sbatch in the body of the script. */
function stepAt(script: Script, position: Position): HoverText | undefined {
  const offset = script.text.offsetAt(position);
  if (script.scheduler !== 'slurm') return undefined;
  for (const { command, stepOptions } of script.running('srun', 'salloc', 'sbatch')) {
    if (offset < command.start || offset > command.end) continue;
    for (const use of stepOptions) {
      const { option, value } = use;
      if (!option) continue;
      if (use.start <= offset && offset <= use.end)
        return { ...script.text.range(use), markdown: describeOption(option) };
      if (value?.text !== undefined && value.start <= offset && offset <= value.end)
        return { ...script.text.range(value), markdown: describeValue(option, value.text) };
    }
  }
  return undefined;
}

/** A launcher or program below the directives, one of its options, or a value of one. */
function programAt(script: Script, position: Position): HoverText | undefined {
  const found = programHover(script, script.text.offsetAt(position));
  return found && { ...script.text.range(found), markdown: found.markdown };
}

/** An option in Markdown: its forms, its description, its versions and its counterpart in the other scheduler. */
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
    option.plugin ? `Of the plug-in ${option.plugin}; only some sites have it.` : '',
    option.since ? `Since Slurm ${option.since}.` : '',
    option.until ? `Removed in Slurm ${option.until}.` : '',
    option.lsf ? `LSF: \`${option.lsf}\`.` : '',
    option.slurm ? `Slurm: \`${option.slurm}\`.` : '',
  ].filter(Boolean);
  return [`\`${form}\`${short}`, option.help, notes.join(' ')].filter(Boolean).join('\n\n');
}

/** A value in words, where that says more than the value itself, and its option. */
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
  if (seconds === 0) return 'no limit of its own: the limit of the partition applies';
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

/** The application of -a at a position, where it is one that is known. */
function applicationAt(script: Script, position: Position, value: Token): HoverText | undefined {
  for (const { name } of readApplications(value.text).applications) {
    const range = script.text.range(placeOf(script.text, value, name));
    const known = esubApplications.find((one) => one.name === name.text);
    if (!known || !contains(range, position)) continue;
    const form = known.meta === undefined ? known.name : `${known.name}(${known.meta})`;
    return { ...range, markdown: `\`${form}\`\n\n${known.help} The site must have esub.${known.name} or epsub.${known.name}.` };
  } // prettier-ignore
  return undefined;
}

function patternAt(script: Script, position: Position, value: Span): HoverText | undefined {
  for (const found of script.text.slice(value).matchAll(/%\d*[A-Za-z%]/g)) {
    const start = value.start + found.index;
    const range = script.text.range({ start, end: start + found[0].length });
    const known = patterns.find(
      (pattern) => pattern.scheduler === script.scheduler && pattern.letter === found[0].slice(-1),
    );
    if (known && contains(range, position)) return { ...range, markdown: `\`%${known.letter}\`: ${known.help}` };
  }
  return undefined;
}

function variableAt(script: Script, position: Position): HoverText | undefined {
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
