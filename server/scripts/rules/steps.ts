import { checkValue } from '../reading/value-checks';
import { keeping, remove, replace } from './fixes';
import { problemText, replacement } from './option-values';
import { SLURM, hit, links, type Rule } from './rule';
import { siteHas } from './plugins';
import { sameName } from './spelling';

/** Rules about the options of srun, salloc and sbatch in the body of a script. */
export const stepRules: readonly Rule[] = [
  {
    id: 'step-option',
    severity: 'error',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An option that srun does not accept',
    why: 'The job starts, but srun (or salloc, or sbatch in the script) ends at once with "unrecognized option", "ambiguous" or "requires an argument".',
    remedy: 'Correct or remove the option.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      for (const { program, stepOptions } of script.running('srun', 'salloc', 'sbatch'))
        for (const use of stepOptions) {
          const { match, option, spelling, value } = use;
          if (match.kind === 'unknown') {
            if (siteHas(script, program === 'srun' ? 'srun' : 'sbatch', spelling)) continue;
            const name = match.suggestion?.name;
            yield hit(use, `${program} has no option ${spelling}${name ? `; did you mean ${name}?` : ''}`, {
              fix: name ? (sameName(spelling, name) ? keeping(replace(use, name)) : replace(use, name)) : undefined,
            });
          } else if (match.kind === 'ambiguous')
            yield hit(use, `${spelling} of ${program} is ambiguous`, {
              alternatives: match.candidates.slice(0, 6).map(({ name }) => replace(use, name)),
            });
          else if (!value && (option?.argument ?? 'required') === 'required')
            yield hit(use, `${spelling} of ${program} needs a value`);
          else if (value && option?.argument === 'none')
            yield hit(value, `${spelling} of ${program} takes no value`, {
              fix: remove({ start: use.end, end: value.end }, 'Remove the value'),
            });
        }
    },
  },
  {
    id: 'step-value',
    severity: 'error',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A value that srun does not understand',
    why: 'The job starts, but srun (or salloc, or sbatch in the script) ends at once.',
    remedy: 'Write the value in the form that the option expects.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      for (const { program, stepOptions } of script.running('srun', 'salloc', 'sbatch'))
        for (const { option, spelling, value } of stepOptions) {
          if (!option || option.argument === 'none' || value?.text === undefined) continue;
          const problem = checkValue(option, value.text);
          if (problem)
            yield hit(value, problemText(`${spelling} of ${program}`, problem, value.text), {
              fix: replacement(value, problem),
            });
        }
    },
  },
];
