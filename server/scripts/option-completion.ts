/** Proposals for the names of options: those of the scheduler, of a step, and of the site's plug-ins. */
import type { Range } from 'vscode-languageserver-textdocument';
import type { ClusterSnapshot } from '../shared/schema-types.gen';
import type { SchedulerName } from '../shared/scheduler-name';
import type { OptionSpec } from './catalogue/option-spec';
import { optionsOf } from './catalogue/options';
import type { SlurmCommand } from './catalogue/step-options';
import { describeOption } from './hover';
import type { Completion } from './proposal';
import { siteOption } from './site-options';

/**
 * All options, the most common ones first and those that are already there last.
 * @param written whether the value is there already
 */
export function optionProposals(
  of: SchedulerName | SlurmCommand,
  used: ReadonlySet<string | undefined>,
  range: Range,
  cluster: ClusterSnapshot | undefined,
  written: boolean,
): Completion[] {
  return [...optionsOf(of), ...siteOptions(of, cluster)]
    .filter((option) => !option.hidden)
    .map((option) => optionCompletion(option, range, of === 'lsf' ? 'lsf' : 'slurm', written))
    .sort((a, b) => Number(used.has(a.label)) - Number(used.has(b.label)) || rank(a.label) - rank(b.label));
}

/** The options that only the cluster's own help lists: those of its plug-ins. */
function siteOptions(of: SchedulerName | SlurmCommand, cluster: ClusterSnapshot | undefined): OptionSpec[] {
  if (of === 'lsf') return [];
  const listed = cluster?.submitOptions?.[of === 'srun' ? 'srun' : 'sbatch'] ?? [];
  const known = new Set(optionsOf(of).flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  return listed.filter((name) => !known.has(name)).map((name) => siteOption(name, cluster));
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

function optionCompletion(option: OptionSpec, range: Range, scheduler: SchedulerName, written: boolean): Completion {
  const takes = written ? 'none' : (option.argument ?? 'required');
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
