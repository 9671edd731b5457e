/** Extra directives of profiles and run configs, checked by the rules for scripts. Pure. */
import { analyse } from '../scripts/analyse';
import { readScript } from '../scripts/reading/read-script';
import { comparePositions } from '../scripts/reading/text';
import type { SchedulerName } from '../shared/scheduler-name';
import { extraOf, slurmDirectives, slurmGpus, type AskedFor } from './job-options';

/** What is wrong with an entry. */
export interface DirectiveProblem {
  /** Stable name of the rule. */
  id: string;
  severity: 'error' | 'warning';
  message: string;
  /** Index of the entry. */
  index: number;
  /** Offsets in the entry. */
  from: number;
  to: number;
  /** Text that would repair it, to stand in place of these offsets. */
  replacement?: string;
}

const KEY = (key: string): string => `write ${key}: instead`;
const OURS = 'the workbench needs its own';
const NO_JOB = 'with it no job is submitted, or no answer comes';

/** Options that the workbench writes itself, or that keep it from following its jobs, and what to do about them. */
const TAKEN: Readonly<Record<SchedulerName, Readonly<Record<string, string>>>> = {
  slurm: {
    '--job-name': 'jobs are named after the commit and the run',
    '--account': KEY('account'),
    '--partition': KEY('partition'),
    '--qos': KEY('qos'),
    '--constraint': KEY('constraint'),
    '--mem': KEY('mem'),
    '--mem-per-cpu': KEY('mem'),
    '--mem-per-gpu': KEY('mem'),
    '--cpus-per-task': KEY('cpus'),
    '--cpus-per-gpu': KEY('cpus'),
    '--gpus': KEY('gpus and gpus_option'),
    '--gpus-per-node': KEY('gpus and gpus_option'),
    '--gpus-per-task': KEY('gpus and gpus_option'),
    '--gpus-per-socket': KEY('gpus and gpus_option'),
    '--nodes': KEY('nodes'),
    '--ntasks': KEY('nodes'),
    '--ntasks-per-node': KEY('nodes'),
    '--ntasks-per-gpu': KEY('nodes'),
    '--time': KEY('time'),
    '--array': KEY('tasks'),
    '--reservation': KEY('reservation'),
    '--exclude': KEY('exclude'),
    '--mail-user': KEY('mail'),
    '--mail-type': KEY('mail'),
    '--clusters': KEY('clusters'),
    '--output': 'the run is followed by its log in the run folder',
    '--error': 'the run is followed by its log in the run folder',
    '--chdir': 'jobs run in the work tree of their commit',
    '--comment': 'the job is found by it after a lost connection',
    '--dependency': OURS,
    '--kill-on-invalid-dep': OURS,
    '--parsable': OURS,
    '--quiet': NO_JOB,
    '--wait': NO_JOB,
    '--wrap': NO_JOB,
    '--test-only': NO_JOB,
    '--help': NO_JOB,
    '--usage': NO_JOB,
    '--version': NO_JOB,
  },
  lsf: {
    '-J': 'jobs are named after the commit and the run',
    '-P': KEY('account'),
    '-q': KEY('partition'),
    '-n': KEY('cpus'),
    '-gpu': KEY('gpus'),
    '-W': KEY('time'),
    '-U': KEY('reservation'),
    '-u': KEY('mail'),
    '-N': KEY('mail'),
    '-clusters': KEY('clusters'),
    '-o': 'the run is followed by its log in the run folder',
    '-oo': 'the run is followed by its log in the run folder',
    '-e': 'the run is followed by its log in the run folder',
    '-eo': 'the run is followed by its log in the run folder',
    '-cwd': 'jobs run in the work tree of their commit',
    '-Jd': 'the job is found by it after a lost connection',
    '-w': OURS,
    '-K': NO_JOB,
    '-I': NO_JOB,
    '-Ip': NO_JOB,
    '-Is': NO_JOB,
    '-IS': NO_JOB,
    '-ISp': NO_JOB,
    '-ISs': NO_JOB,
    '-IX': NO_JOB,
    '-pack': NO_JOB,
    '-h': NO_JOB,
    '-V': NO_JOB,
  },
};

const KEYWORDS = { slurm: '#SBATCH ', lsf: '#BSUB ' } as const;

/**
 * What is wrong with extra directives: what contradicts the workbench's own, by name, and what the rules for scripts find.
 * @param asked with the entries, and the options that the directives stand beside
 * @param scheduler of the cluster; where it is not known, an entry without a keyword may be of either
 */
export function directiveProblems(asked: AskedFor, scheduler?: SchedulerName): DirectiveProblem[] {
  const { extra_directives: entries = [] } = asked;
  return entries.flatMap((entry, index) => {
    const extra = extraOf(entry);
    const whole = { index, from: 0, to: entry.length, severity: 'error' } as const;
    if (/\p{Cc}/u.test(entry) || !extra.text.startsWith('-'))
      return [
        { ...whole, id: 'extra-directive', message: 'A directive is one line with an option, such as --switches=1' },
      ];
    if (extra.scheduler !== undefined && scheduler !== undefined && extra.scheduler !== scheduler)
      return [{ ...whole, id: 'extra-directive', message: `This cluster has ${titleOf(scheduler)}, and ${titleOf(extra.scheduler)} reads this directive` }]; // prettier-ignore
    const wanted = scheduler ?? extra.scheduler ?? (extra.text.startsWith('--') ? 'slurm' : undefined);
    const found = problemsIn(asked, index, wanted ?? 'slurm');
    // `-q normal` is of LSF alone, `-C a100` of either.
    return wanted === undefined && found.length > 0 && problemsIn(asked, index, 'lsf').length === 0 ? [] : found;
  });
}

const titleOf = (scheduler: SchedulerName): string => (scheduler === 'lsf' ? 'LSF' : 'Slurm');

function problemsIn(asked: AskedFor, index: number, scheduler: SchedulerName): DirectiveProblem[] {
  const entry = asked.extra_directives?.[index] ?? '';
  const { text, start } = extraOf(entry);
  const keyword = KEYWORDS[scheduler];
  const place = (from: number, to: number): Pick<DirectiveProblem, 'index' | 'from' | 'to'> => {
    const inside = (column: number): number => Math.min(Math.max(column - keyword.length, 0), text.length) + start;
    return { index, from: inside(from), to: Math.max(inside(to), inside(from) + 1) };
  };
  const alone = readScript(`#!/bin/bash\n${keyword}${text}\n`, { scheduler });
  const offset = '#!/bin/bash\n'.length;
  const { options = [] } = alone?.directives ?? {};
  const taken = options.flatMap(({ option, spelling, value, start: from, end }): DirectiveProblem[] => {
    const why = option && takenBy(option.name, asked, scheduler);
    if (why === undefined) return [];
    const message = `${spelling} contradicts what the workbench writes: ${why}`;
    return [
      { id: 'extra-contradicts', severity: 'error', message, ...place(from - offset, (value?.end ?? end) - offset) },
    ];
  });
  return taken.length > 0 ? taken : found(asked, index, scheduler, text, place);
}

/** Why an option cannot be an extra one; undefined where it can. */
function takenBy(name: string, asked: AskedFor, scheduler: SchedulerName): string | undefined {
  const { gpus_option = 'gres' } = asked;
  if (scheduler === 'slurm' && name === '--gres' && gpus_option === 'gres')
    return 'GPUs are asked for by --gres: choose another gpus_option, so that both are read';
  return Object.hasOwn(TAKEN[scheduler], name) ? TAKEN[scheduler][name] : undefined;
}

/** What the rules find at an entry, in a script that has the other directives as well. */
function found(
  asked: AskedFor,
  index: number,
  scheduler: SchedulerName,
  text: string,
  place: (from: number, to: number) => Pick<DirectiveProblem, 'index' | 'from' | 'to'>,
): DirectiveProblem[] {
  const keyword = KEYWORDS[scheduler];
  const others = (asked.extra_directives ?? []).slice(0, index).map((entry) => extraOf(entry).text);
  const ours = scheduler === 'slurm' ? [...SIZE, slurmGpus(1, asked), ...slurmDirectives({ ...asked, extra_directives: undefined })] : []; // prettier-ignore
  const before = [...ours, ...others];
  const script = ['#!/bin/bash', ...[...before, text].map((one) => keyword + one), 'true', ''].join('\n');
  return analyse(script, { scheduler }).findings.flatMap((finding): DirectiveProblem[] => {
    const { id, severity, message, start, end, fix } = finding;
    if (start.line !== before.length + 1 || (severity !== 'error' && severity !== 'warning')) return [];
    const [edit, another] = fix?.edits ?? [];
    const isSame =
      edit !== undefined &&
      another === undefined &&
      comparePositions(edit.range.start, start) === 0 &&
      comparePositions(edit.range.end, end) === 0;
    const to = end.line > start.line ? Infinity : end.character;
    return [{ id, severity, message, ...place(start.character, to), ...(isSame && { replacement: edit.newText }) }];
  });
}

/** What every script of a run has. */
const SIZE = ['--nodes=1', '--ntasks=1', '--cpus-per-task=4', '--time=24:00:00'];
