import type { SchedulerName } from '../../shared/scheduler-name';
import { insert, replace } from './fixes';
import { BOTH, SLURM, at, hit, links, related, shorten, type Rule } from './rule';

/** The patterns that stand for variables in the names of log files. */
const patternsFor: Readonly<Record<SchedulerName, Readonly<Record<string, string>>>> = {
  slurm: {
    USER: '%u',
    LOGNAME: '%u',
    SLURM_JOB_ID: '%j',
    SLURM_JOBID: '%j',
    SLURM_JOB_NAME: '%x',
    SLURM_ARRAY_JOB_ID: '%A',
    SLURM_ARRAY_TASK_ID: '%a',
    HOSTNAME: '%N',
  },
  lsf: { USER: '%U', LSB_JOBID: '%J', LSB_JOBINDEX: '%I' },
};
/** Options whose values a shell gets later, or that are free text. */
const expandedLater = ['--wrap', '--export', '-env', '-E', '-Ep', '--comment', '-Jd', '-w'];

/** Folders that are always there: the current one, devices, and the top folders of users. */
const withoutMaking =
  /^(?:\.?|\/dev.*|\/tmp\/?|(?:\$HOME|\$\{HOME\}|~|(?:\/[\w.-]+){1,3}\/(?:%u|\$USER|\$\{USER\}))\/?)$/;

/** A folder's name in one form, whether a shell or the scheduler fills in the user and the home folder. */
function sameFolder(folder: string): string {
  return folder
    .replace(/["']/g, '')
    .replace(/^\.\//, '')
    .replace(/\/$/, '')
    .replace(/\$\{?(?:USER|LOGNAME)\}?|\$\(whoami\)|`whoami`/g, '%u')
    .replace(/^(?:~|\$\{?HOME\}?)(?=\/|$)/, '/home/%u')
    .replace(/^\$\{?SLURM_SUBMIT_DIR\}?\//, '');
}

/** Rules about log files and other paths in directives. */
export const logRules: readonly Rule[] = [
  {
    id: 'variable-in-directive',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A shell variable in a directive',
    why: 'The scheduler reads directives, not a shell: `$USER` or `~` is not expanded, and the log goes to a folder of that name.',
    remedy: "Use the scheduler's own patterns (%u, %j, %x), or write the value out.",
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeOptions, scheduler, text }) {
      for (const { option, value } of activeOptions) {
        if (!option || !value || !['path', 'log', 'text', 'name', 'list'].includes(option.type)) continue;
        if (expandedLater.includes(option.name)) continue;
        const raw = text.slice(value);
        const variable = /\$\{?([A-Za-z_]\w*)\}?/.exec(raw);
        // LSF itself expands variables in the names of its output files.
        const found = variable && scheduler === 'slurm' ? variable : /^~/.exec(value.text);
        if (!found) continue;
        const pattern = option.type === 'log' ? patternsFor[scheduler][found[1] ?? ''] : undefined;
        const start = value.start + raw.indexOf(found[0]);
        const place = { start, end: start + found[0].length };
        yield hit(place, `${found[0]} is not expanded in a directive`, {
          fix: pattern === undefined ? undefined : replace(place, pattern),
        });
      }
    },
  },
  {
    id: 'log-pattern',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A pattern that the scheduler does not know',
    why: 'It becomes part of the file name as it is.',
    remedy: 'Use %j (job), %A and %a (array), %x (name), %N (node), %u (user), %t (task).',
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeOptions, text }) {
      for (const { option, value } of activeOptions) {
        if (option?.type !== 'log' || !value) continue;
        for (const found of text.slice(value).matchAll(/%(\d*)([A-Za-z%]?)/g)) {
          const [written, width = '', letter = ''] = found;
          if (letter && '%AabJjNnstuxW'.includes(letter)) continue;
          const meant = { J: 'j', I: 'a', i: 'a', U: 'u', X: 'x', D: 'j' }[letter];
          const start = value.start + found.index;
          const place = { start, end: start + written.length };
          yield hit(place, `Slurm does not know the pattern ${written}`, {
            fix: meant ? replace(place, `%${width}${meant}`, `Change to %${meant}`) : undefined,
          });
        }
      }
    },
  },
  {
    id: 'array-log',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'All elements of an array write to one log',
    why: "Elements that run at the same time overwrite each other's output.",
    remedy: 'Use %A_%a (or %j) in the file name; with LSF %J_%I.',
    link: links.arrays,
    fixable: true,
    check: function* (script) {
      const slurm = script.scheduler === 'slurm';
      const array = slurm ? script.option('--array') : script.option('-J');
      if (!array || (!slurm && !/\[/.test(array.value?.text ?? ''))) return;
      for (const name of slurm ? ['--output', '--error'] : ['-o', '-oo', '-e', '-eo']) {
        const log = script.option(name)?.value;
        if (!log || log.text === '/dev/null') continue;
        if (slurm ? /%\d*[ajJ]/.test(log.text) : log.text.includes('%I')) continue;
        const raw = script.text.slice(log);
        const dot = raw.lastIndexOf('.');
        const offset = log.start + (dot > raw.lastIndexOf('/') && dot > 0 ? dot : raw.length);
        const suffix = slurm ? (raw.includes('%A') ? '_%a' : '-%A_%a') : raw.includes('%J') ? '_%I' : '-%J_%I';
        yield hit(log, `All elements of the array write to ${shorten(log.text)}`, {
          fix: insert(offset, suffix, `Insert ${suffix}`),
          related: related(at(array), 'The array'),
        });
      }
    },
  },
  {
    id: 'log-folder',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A log folder that must already exist',
    why: 'The scheduler opens the log before the script runs. If the folder is missing, the job fails at once and leaves no log; a `mkdir` in the script comes too late.',
    remedy: 'Create the folder before you submit.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      const told = new Set<string>();
      for (const { option, value } of script.activeOptions) {
        if (option?.type !== 'log' || !value?.text.includes('/')) continue;
        const folder = value.text.replace(/\/[^/]*$/, '');
        // Output and errors mostly go to one folder: that is one finding.
        if (withoutMaking.test(folder) || told.has(folder)) continue;
        told.add(folder);
        const exists = script.context.folderExists?.(folder);
        if (exists === true) continue;
        const wanted = sameFolder(folder);
        const made = script
          .running('mkdir')
          .find(({ operands }) => operands.some(({ raw }) => sameFolder(raw) === wanted));
        const name = shorten(folder);
        const message =
          exists === false
            ? `The folder ${name} does not exist, so the job will fail without a log`
            : made
              ? `mkdir in the script comes too late for the log: ${name} must exist before the job starts`
              : `The folder ${name} must exist before the job starts`;
        const certain = exists === false || made !== undefined;
        yield hit(value, message, {
          severity: certain ? 'warning' : undefined,
          related: made && related({ start: made.name.start, end: made.command.end }, 'Runs after the log is opened'),
        });
        if (!certain) return;
      }
    },
  },
];
