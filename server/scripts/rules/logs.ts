import { BOTH, SLURM, links, type Rule } from './rule';
import { shorten } from './words';

/** Rules about log files and other paths in directives. */
export const logRules: readonly Rule[] = [
  {
    id: 'variable-in-directive',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A shell variable in a directive',
    why: 'Directives are read by the scheduler, not by a shell: `$USER` or `~` stays as it is, and the log goes to a folder of that name.',
    remedy: "Use the scheduler's own patterns (%u, %j, %x), or write the value out.",
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const patterns: Readonly<Record<string, string>> =
        script.scheduler === 'slurm'
          ? {
              USER: '%u',
              LOGNAME: '%u',
              SLURM_JOB_ID: '%j',
              SLURM_JOBID: '%j',
              SLURM_JOB_NAME: '%x',
              SLURM_ARRAY_JOB_ID: '%A',
              SLURM_ARRAY_TASK_ID: '%a',
              HOSTNAME: '%N',
            }
          : { USER: '%U', LSB_JOBID: '%J', LSB_JOBINDEX: '%I' };
      for (const { option, value, late } of script.directives.options) {
        if (
          late ||
          !option ||
          !value ||
          !['path', 'log', 'text', 'name', 'list'].includes(option.type) ||
          ['--wrap', '--export', '-env', '-E', '-Ep', '--comment', '-Jd', '-w'].includes(option.name)
        )
          continue;
        const raw = script.text.text.slice(value.start, value.end);
        const variable = /\$\{?([A-Za-z_]\w*)\}?/.exec(raw);
        // LSF itself expands variables in the names of its output files.
        const found = variable && script.scheduler === 'slurm' ? variable : /^~/.exec(value.text);
        if (!found) continue;
        const pattern = option.type === 'log' ? patterns[found[1] ?? ''] : undefined;
        const start = value.start + raw.indexOf(found[0]);
        yield {
          start,
          end: start + found[0].length,
          message: `${found[0]} is not expanded in a directive`,
          ...(pattern && {
            fix: { title: `Change to ${pattern}`, edits: [{ start, end: start + found[0].length, newText: pattern }] },
          }),
        };
      }
    },
  },
  {
    id: 'log-pattern',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A pattern that the scheduler does not know',
    why: 'It stays in the file name as it is.',
    remedy: 'Use %j (job), %A and %a (array), %x (name), %N (node), %u (user), %t (task).',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const { option, value, late } of script.directives.options) {
        if (late || option?.type !== 'log' || !value) continue;
        const raw = script.text.text.slice(value.start, value.end);
        for (const found of raw.matchAll(/%(\d*)([A-Za-z%]?)/g)) {
          const letter = found[2] ?? '';
          if (letter && '%AabJjNnstuxW'.includes(letter)) continue;
          const meant = { J: 'j', I: 'a', i: 'a', U: 'u', X: 'x', D: 'j' }[letter];
          const start = value.start + found.index;
          const end = start + found[0].length;
          yield {
            start,
            end,
            message: `Slurm knows no pattern ${found[0] || '%'}`,
            ...(meant && {
              fix: { title: `Change to %${meant}`, edits: [{ start, end, newText: `%${found[1] ?? ''}${meant}` }] },
            }),
          };
        }
      }
    },
  },
  {
    id: 'array-log',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'All elements of an array write one log',
    why: "Elements that run at the same time overwrite each other's output.",
    remedy: 'Use %A_%a (or %j) in the file name; with LSF %J_%I.',
    link: links.arrays,
    fixable: true,
    check: function* (script) {
      const slurm = script.scheduler === 'slurm';
      const array = slurm ? script.option('--array') : script.option('-J');
      if (!array || (!slurm && !/\[/.test(array.value?.text ?? ''))) return;
      for (const name of slurm ? ['--output', '--error'] : ['-o', '-oo', '-e', '-eo']) {
        const log = script.option(name);
        if (!log?.value || /^\/dev\/null$/.test(log.value.text)) continue;
        if (slurm ? /%\d*[aj]/.test(log.value.text) : /%I/.test(log.value.text)) continue;
        const raw = script.text.text.slice(log.value.start, log.value.end);
        const dot = raw.lastIndexOf('.');
        const at = log.value.start + (dot > raw.lastIndexOf('/') && dot > 0 ? dot : raw.length);
        const suffix = slurm ? (/%A/.test(raw) ? '_%a' : '-%A_%a') : /%J/.test(raw) ? '_%I' : '-%J_%I';
        yield {
          start: log.value.start,
          end: log.value.end,
          message: `All elements of the array write to ${shorten(log.value.text)}`,
          fix: { title: `Insert ${suffix}`, edits: [{ start: at, end: at, newText: suffix }] },
          related: [{ start: array.start, end: array.value?.end ?? array.end, message: 'The array' }],
        };
      }
    },
  },
  {
    id: 'log-folder',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A log folder that must exist first',
    why: 'The scheduler opens the log before the script runs. If the folder is missing, the job dies at once and leaves no log; a `mkdir` in the script comes too late.',
    remedy: 'Create the folder before submitting.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      for (const { option, value, late } of script.directives.options) {
        if (late || option?.type !== 'log' || !value) continue;
        const folder = value.text.replace(/\/[^/]*$/, '');
        if (
          !value.text.includes('/') ||
          folder === '' ||
          folder === '.' ||
          folder.startsWith('/dev') ||
          /^\/tmp\/?$/.test(folder)
        )
          continue;
        const exists = script.context.folderExists?.(folder);
        if (exists === true) continue;
        const made = script
          .running('mkdir')
          .find(({ operands }) =>
            operands.some((word) => word.text?.replace(/^\.\//, '').replace(/\/$/, '') === folder.replace(/^\.\//, '')),
          );
        const certain = exists === false || made !== undefined;
        yield {
          start: value.start,
          end: value.end,
          message:
            exists === false
              ? `The folder ${shorten(folder)} does not exist, so the job dies without a log`
              : made
                ? `mkdir in the script comes too late for the log: ${shorten(folder)} must exist before the job starts`
                : `The folder ${shorten(folder)} must exist before the job starts`,
          ...(certain && { severity: 'warning' as const }),
          ...(made && {
            related: [{ start: made.name.start, end: made.command.end, message: 'Runs after the log was opened' }],
          }),
        };
        if (!certain) return;
      }
    },
  },
];
