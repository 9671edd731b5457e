import { TextDocument, type Position, type Range } from 'vscode-languageserver-textdocument';
import { variables } from './catalogue/environment';
import { describeOption } from './hover';
import { completeGpu, completeRequirement } from './lsf-completion';
import { readScript } from './reading/read-script';
import { invocationsOf } from './reading/invocations';
import { optionNamed, optionsOf } from './catalogue/options';
import type { SchedulerName } from '../shared/scheduler-name';
import type { OptionSpec, ValueType } from './catalogue/option-spec';
import { patterns } from './catalogue/patterns';
import { pluginOptions } from './catalogue/plugin-options';
import type { Script, ScriptContext } from './reading/script';
import { readShell } from './reading/shell';
import type { SlurmCommand } from './catalogue/step-options';
import { isSlurmCommand } from './reading/steps';
import { templates } from './templates';
import type { ClusterSnapshot } from '../shared/schema-types.gen';

/** One proposal. */
export interface Completion {
  label: string;
  kind: 'directive' | 'option' | 'value' | 'template' | 'variable';
  /** Text that replaces `range`; with `snippet`, `${1:...}` are its tab stops. */
  insert: string;
  snippet?: boolean;
  range: Range;
  detail?: string;
  documentation?: string;
}

/** What can be written at a position: directives, options, values (the cluster's first), variables, templates. */
export function completionsAt(text: string, position: Position, context: ScriptContext = {}): Completion[] {
  const document = TextDocument.create('', 'shellscript', 0, text);
  const before = document.getText({ start: { line: position.line, character: 0 }, end: position });
  const from = (start: number): Range => ({ start: { line: position.line, character: start }, end: position });
  const directive = /^#(SBATCH|BSUB)(?=[ \t])/.exec(before);
  if (directive) {
    const scheduler = directive[1] === 'BSUB' ? 'lsf' : 'slurm';
    const rest = text.slice(document.offsetAt(position)).split(/[\r\n]/, 1)[0] ?? '';
    const inside = scheduler === 'lsf' ? insideValue(before.slice(directive[0].length), rest, position) : undefined;
    return inside ?? inDirective(scheduler, before, directive[0].length, from, text, context);
  }
  const variable = /\$\{?([A-Z][A-Z_]*)$/.exec(before);
  if (variable?.[1] !== undefined && readScript(text, context))
    return variables
      .filter(({ name }) => name.startsWith(variable[1] ?? ''))
      .map(({ name, help }) => ({
        label: name,
        kind: 'variable',
        insert: name,
        range: from(before.length - (variable[1] ?? '').length),
        documentation: help,
      }));
  if (/^#?[A-Z]*$/.test(before)) return atLineStart(text, before, from, context);
  return inStep(text, position, before, from, context);
}

/** The parts of values that have a language of their own. */
const insideOf = { '-R': completeRequirement, '-gpu': completeGpu } as const;

/** Proposals inside the value of bsub's -R or -gpu; undefined where the cursor is in none. */
function insideValue(before: string, rest: string, position: Position): Completion[] | undefined {
  const found = /(?<!\S)(-R|-gpu)[ \t]*(?:"([^"]*)|'([^']*)|([^\s"'][^\s"']*))$/.exec(before);
  if (!found) return undefined;
  const value = found[2] ?? found[3] ?? found[4] ?? '';
  const option = found[1] === '-R' ? '-R' : '-gpu';
  // The word that the cursor is in is replaced whole, and so is a value; a key that begins at the cursor stays.
  const word = /\w$|=$/.test(value) ? (/^\w*/.exec(rest)?.[0].length ?? 0) : 0;
  const { typed, proposals } = insideOf[option](value, rest.slice(word));
  const range = {
    start: { line: position.line, character: position.character - typed },
    end: { line: position.line, character: position.character + word },
  };
  return proposals.map(({ insert, ...proposal }) => ({
    ...proposal,
    kind: 'value',
    insert,
    ...(insert.includes('$1') && { snippet: true }),
    range,
  }));
}

/** Options and values of srun, salloc and sbatch at the cursor, also on continued lines. */
function inStep(
  text: string,
  position: Position,
  before: string,
  from: (start: number) => Range,
  context: ScriptContext,
): Completion[] {
  if (!/\b(?:srun|salloc|sbatch)\b/.test(text)) return [];
  const script = readScript(text, context);
  if (script?.scheduler !== 'slurm') return [];
  const offset = script.text.offsetAt(position);
  const command = readShell(text.slice(0, offset)).commands.pop();
  if (!command || !/^(?:[ \t]|\\\r?\n)*$/.test(text.slice(command.words.at(-1)?.end ?? offset, offset))) return [];
  const invocation = invocationsOf([command]).findLast(({ program }) => isSlurmCommand(program));
  // After the first word that is not an option come the program and its own arguments.
  if (!invocation || !isSlurmCommand(invocation.program)) return [];
  const { program, stepOptions } = invocation;
  const word = /(?<!\S)\S*$/.exec(before)?.[0] ?? '';
  const start = before.length - word.length;
  const { end } = invocation.read();
  const last = stepOptions.at(-1);
  if (word !== '' && last?.option && last.value?.end === offset && last.option.argument !== 'none') {
    const valueStart = before.length - (offset - last.value.start);
    return values(last.option, before.slice(valueStart), valueStart, from, script);
  }
  if (end < command.words.length) return [];
  if (word === '' && last?.option && !last.value && (last.option.argument ?? 'required') === 'required')
    return values(last.option, '', start, from, script);
  if (word !== '' && !word.startsWith('-')) return [];
  const used = new Set(stepOptions.map(({ option }) => option?.name));
  return optionProposals(program, used, from(start), script.cluster);
}

function atLineStart(
  text: string,
  before: string,
  from: (start: number) => Range,
  context: ScriptContext,
): Completion[] {
  const scheduler = readScript(text, context)?.scheduler ?? context.scheduler;
  const proposals: Completion[] = [];
  for (const [keyword, name] of [
    ['#SBATCH', 'slurm'],
    ['#BSUB', 'lsf'],
  ] as const)
    if ((scheduler === undefined || scheduler === name) && before.startsWith('#') && keyword.startsWith(before))
      proposals.push({
        label: keyword,
        kind: 'directive',
        insert: `${keyword} `,
        range: from(0),
        detail: name === 'slurm' ? 'Slurm directive' : 'LSF directive',
      });
  // Whole scripts are proposed in a file that contains at most a shebang.
  if (/^[#A-Z]*$/.test(text.replace(/^#!.*/, '').trim()))
    for (const template of templates)
      proposals.push({
        label: template.title,
        kind: 'template',
        insert: template.snippet.replace(/^#!.*\n/, text.startsWith('#!') ? '' : '$&'),
        snippet: true,
        range: from(0),
        detail: template.scheduler === 'slurm' ? 'Slurm' : 'LSF',
        documentation: template.help,
      });
  return proposals;
}

function inDirective(
  scheduler: SchedulerName,
  before: string,
  bodyStart: number,
  from: (start: number) => Range,
  text: string,
  context: ScriptContext,
): Completion[] {
  const word = /(?<!\S)\S*$/.exec(before)?.[0] ?? '';
  const start = before.length - word.length;
  const script = readScript(text, { ...context, scheduler });
  const equals = word.indexOf('=');
  if (scheduler === 'slurm' && equals > 0) {
    const option = optionNamed('slurm', word.slice(0, equals));
    return option ? values(option, word.slice(equals + 1), start + equals + 1, from, script) : [];
  }
  const previous = before.slice(bodyStart, start).trim().split(/\s+/).pop() ?? '';
  const owner = optionNamed(scheduler, previous);
  if (owner && owner.argument === undefined && !word.startsWith('-')) return values(owner, word, start, from, script);
  if (word !== '' && !word.startsWith('-')) return [];
  const used = new Set(script?.directives.options.map(({ option }) => option?.name));
  return optionProposals(scheduler, used, from(start), script?.cluster ?? context.cluster);
}

/** All options, the most common ones first and those that are already there last. */
function optionProposals(
  of: SchedulerName | SlurmCommand,
  used: ReadonlySet<string | undefined>,
  range: Range,
  cluster?: ClusterSnapshot,
): Completion[] {
  return [...optionsOf(of), ...siteOptions(of, cluster)]
    .filter((option) => !option.hidden)
    .map((option) => optionCompletion(option, range, of === 'lsf' ? 'lsf' : 'slurm'))
    .sort((a, b) => Number(used.has(a.label)) - Number(used.has(b.label)) || rank(a.label) - rank(b.label));
}

/** The options that only the cluster's own help lists: those of its plug-ins. */
function siteOptions(of: SchedulerName | SlurmCommand, cluster: ClusterSnapshot | undefined): OptionSpec[] {
  if (of === 'lsf') return [];
  const listed = cluster?.submitOptions?.[of === 'srun' ? 'srun' : 'sbatch'] ?? [];
  const known = new Set(optionsOf(of).flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  return listed
    .filter((name) => !known.has(name))
    .map((name) => pluginOptions.get(name) ?? { name, argument: 'optional', type: 'text', help: 'An option of this cluster; `sbatch --help` there explains it.' }); // prettier-ignore
}

/** Options that most scripts have, in the order in which they are usually written. */
const common = [
  '--job-name',
  '--account',
  '--partition',
  '--nodes',
  '--ntasks',
  '--cpus-per-task',
  '--gres',
  '--mem',
  '--time',
  '--output',
  '--error',
  '-J',
  '-P',
  '-q',
  '-n',
  '-R',
  '-gpu',
  '-W',
  '-o',
  '-e',
];

function rank(name: string): number {
  const at = common.indexOf(name);
  return at < 0 ? common.length : at;
}

/** What an option is inserted with, as a snippet. */
const placeholders: Readonly<Record<string, string>> = {
  '--gres': 'gpu:${1:1}',
  '--time': '${1:04}:00:00',
  '--output': '${1:%x}-%j.out',
  '--error': '${1:%x}-%j.err',
  '--array': '0-${1:9}',
  '--mem': '${1:16}G',
  '--mem-per-cpu': '${1:4}G',
  '--dependency': 'afterok:${1:jobid}',
  '--signal': 'B:${1:USR1}@${2:300}',
  '-gpu': '"num=${1:1}:mode=exclusive_process"',
  '-R': '"rusage[mem=${1:16}GB] span[hosts=1]"',
  '-W': '${1:4}:00',
  '-o': '${1:job}-%J.out',
  '-e': '${1:job}-%J.err',
};

function optionCompletion(option: OptionSpec, range: Range, scheduler: SchedulerName): Completion {
  const takes = option.argument ?? 'required';
  const separator = takes === 'none' ? '' : takes === 'optional' ? '' : scheduler === 'slurm' ? '=' : ' ';
  const placeholder =
    takes === 'required'
      ? (placeholders[option.name] ?? (option.values ? `\${1|${option.values.join(',')}|}` : '$1'))
      : '';
  return {
    label: option.name,
    kind: 'option',
    insert: option.name + separator + placeholder,
    snippet: true,
    range,
    ...(option.short && { detail: option.short }),
    documentation: describeOption(option),
  };
}

function values(
  option: OptionSpec,
  typed: string,
  start: number,
  from: (start: number) => Range,
  script: Script | undefined,
): Completion[] {
  const quoted = /^["']/.test(typed) ? 1 : 0;
  const comma = ['mail-type', 'list', 'gres'].includes(option.type) ? typed.lastIndexOf(',') + 1 : 0;
  const range = from(start + Math.max(quoted, comma));
  const proposal = (label: string, detail?: string): Completion => ({
    label,
    kind: 'value',
    insert: label,
    range,
    ...(detail !== undefined && { detail }),
  });
  if (option.type === 'log') {
    const percent = typed.lastIndexOf('%');
    if (percent >= 0 && percent >= typed.length - 2)
      return patterns
        .filter(({ scheduler }) => scheduler === (option.name.startsWith('--') ? 'slurm' : 'lsf'))
        .map(({ letter, help, example }) => ({
          label: `%${letter}`,
          kind: 'value',
          insert: `%${letter}`,
          range: from(start + percent),
          detail: example,
          documentation: help,
        }));
  }
  const known = script?.cluster ? clusterValues(option, script.cluster) : [];
  return [
    ...known.map(({ label, detail }) => proposal(label, detail)),
    ...(option.values ?? []).map((value) => proposal(value)),
    ...(known.length ? [] : (examples[option.type] ?? []).map(([value, detail]) => proposal(value, detail))),
  ];
}

/** Values that the cluster has, with what is free. */
function clusterValues(option: OptionSpec, cluster: ClusterSnapshot): { label: string; detail?: string }[] {
  const nodes = cluster.nodes ?? [];
  switch (option.name) {
    case '--partition':
    case '-q':
      return cluster.partitions.map(({ name, maxMinutes, default: standard }) => ({
        label: name,
        detail: [standard ? 'default' : '', maxMinutes === undefined ? '' : `up to ${+(maxMinutes / 60).toFixed(1)} h`]
          .filter(Boolean)
          .join(', '),
      }));
    case '--account':
    case '-P':
      return (cluster.accounts ?? []).map((label) => ({
        label,
        detail: label === cluster.defaultAccount ? 'default' : '',
      }));
    case '--qos':
      return (cluster.qos ?? []).map((label) => ({ label }));
    case '--constraint':
    case '--prefer':
      return [...new Set(nodes.flatMap(({ features }) => features ?? []))].map((label) => ({
        label,
        detail: `${nodes.filter(({ features }) => features?.includes(label)).length} nodes`,
      }));
    case '--nodelist':
    case '--exclude':
    case '-m':
      return nodes.map(({ name, state }) => ({ label: name, ...(state !== undefined && { detail: state }) }));
    case '--gres': {
      const kinds = new Map<string, { free: number; most: number }>();
      for (const { gres = [] } of nodes)
        for (const { name, type, count, used = 0 } of gres) {
          const label = type ? `${name}:${type}` : name;
          const kind = kinds.get(label) ?? { free: 0, most: 0 };
          kinds.set(label, { free: kind.free + count - used, most: Math.max(kind.most, count) });
        }
      // More than eight would only lengthen the list.
      return [...kinds].flatMap(([label, { free, most }]) =>
        Array.from({ length: Math.min(most, 8) }, (_, i) => ({
          label: `${label}:${i + 1}`,
          detail: `${free} free, at most ${most} on a node`,
        })),
      );
    }
    default:
      return [];
  }
}

/** Typical values of some types, with what they mean. */
const examples: Readonly<Partial<Record<ValueType, readonly (readonly [value: string, meaning: string])[]>>> = {
  time: [
    ['00:30:00', 'half an hour'],
    ['04:00:00', 'four hours'],
    ['1-00:00:00', 'one day'],
    ['2-00:00:00', 'two days'],
  ],
  memory: [
    ['16G', ''],
    ['32G', ''],
    ['64G', ''],
    ['0', 'all memory of the node'],
  ],
  gres: [
    ['gpu:1', 'one GPU per node'],
    ['gpu:2', ''],
    ['gpu:4', ''],
  ],
  gpus: [
    ['1', ''],
    ['2', ''],
    ['4', ''],
  ],
  dependency: [
    ['afterok:', 'after that job succeeds'],
    ['afterany:', 'after that job ends'],
    ['afternotok:', 'after that job fails'],
    ['singleton', 'one job of this name at a time'],
  ],
  distribution: [
    ['block', ''],
    ['cyclic', ''],
    ['block:cyclic', ''],
    ['plane=', ''],
  ],
  signal: [['B:USR1@300', 'to the script, 5 minutes before the time limit']],
  'lsf-time': [
    ['0:30', 'half an hour'],
    ['4:00', 'four hours'],
    ['24:00', 'one day'],
    ['48:00', 'two days'],
  ],
  'lsf-gpu': [
    ['num=1:mode=exclusive_process', ''],
    ['num=2:mode=exclusive_process', ''],
  ],
  'lsf-resources': [
    ['rusage[mem=16GB]', 'reserves memory'],
    ['span[hosts=1]', 'all slots on one host'],
    ['span[ptile=4]', 'four slots per host'],
    ['select[]', 'chooses hosts'],
  ],
};
