import { checkValue } from '../reading/values';
import { SLURM, links, type OffsetFix, type Rule } from './rule';
import { shorten } from './words';

/** Rules about the options of srun, salloc and sbatch where they stand in the body of a script. */
export const stepRules: readonly Rule[] = [
  {
    id: 'step-option',
    severity: 'error',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An option that srun does not take',
    why: 'The job starts, and srun (or salloc, or sbatch in the script) ends at once with "unrecognized option", "ambiguous" or "requires an argument".',
    remedy: 'Correct or remove the option.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      for (const { program, stepOptions } of script.running('srun', 'salloc', 'sbatch'))
        for (const { match, option, spelling, start, end, value } of stepOptions) {
          const change = (name: string): OffsetFix => ({
            title: `Change to ${name}`,
            edits: [{ start, end, newText: name }],
          });
          if (match.kind === 'unknown')
            yield {
              start,
              end,
              message: `${program} has no option ${spelling}${match.suggestion ? `; did you mean ${match.suggestion.name}?` : ''}`,
              ...(match.suggestion && { fix: change(match.suggestion.name) }),
            };
          else if (match.kind === 'ambiguous')
            yield {
              start,
              end,
              message: `${spelling} is ambiguous to ${program}`,
              alternatives: match.candidates.slice(0, 6).map(({ name }) => change(name)),
            };
          else if (!value && (option?.argument ?? 'required') === 'required')
            yield { start, end, message: `${program} wants a value for ${spelling}` };
          else if (value && option?.argument === 'none')
            yield {
              start: value.start,
              end: value.end,
              message: `${spelling} of ${program} takes no value`,
              fix: { title: 'Remove the value', edits: [{ start: end, end: value.end, newText: '' }] },
            };
        }
    },
  },
  {
    id: 'step-value',
    severity: 'error',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A value that srun does not understand',
    why: 'The job starts, and srun (or salloc, or sbatch in the script) ends at once.',
    remedy: 'Write the value in the form the option wants.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      for (const { program, stepOptions } of script.running('srun', 'salloc', 'sbatch'))
        for (const { option, spelling, value } of stepOptions) {
          if (!option || option.argument === 'none' || value?.text === undefined) continue;
          const problem = checkValue(option, value.text);
          if (problem)
            yield {
              start: value.start,
              end: value.end,
              message: `${spelling} of ${program} ${problem.expected}, not "${shorten(value.text)}"`,
              ...(problem.replacement !== undefined && {
                fix: {
                  title: `Change to ${problem.replacement}`,
                  edits: [{ start: value.start, end: value.end, newText: problem.replacement }],
                },
              }),
            };
        }
    },
  },
];
