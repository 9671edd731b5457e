import type { OptionSpec } from '../catalogue/option-spec';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import { SLURM, hit, links, type Hit, type Rule } from './rule';

type Command = 'sbatch' | 'srun';

/** Whether the cluster's own help lists an option. */
export function siteHas({ cluster }: Script, command: Command, name: string): boolean {
  return cluster?.submitOptions?.[command]?.includes(name) ?? false;
}

/** Rules about the options that plug-ins of a site add. */
export const pluginRules: readonly Rule[] = [
  {
    id: 'plugin-option',
    severity: 'info',
    schedulers: SLURM,
    effect: 'depends',
    title: 'An option of a plug-in',
    why: 'Plug-ins (SPANK) add options such as `--container-image` to sbatch and srun. A site without the plug-in refuses them.',
    remedy: 'Look for the option in `sbatch --help` of your cluster.',
    link: links.spank,
    fixable: false,
    check: function* (script) {
      const seen = new Set<string>();
      for (const use of script.activeOptions)
        if (use.option?.plugin) yield* judged(script, 'sbatch', use, use.option, seen);
      for (const { program, stepOptions } of script.running('srun', 'salloc', 'sbatch'))
        for (const use of stepOptions)
          if (use.option?.plugin) yield* judged(script, program === 'srun' ? 'srun' : 'sbatch', use, use.option, seen);
    },
  },
];

/** An error where the cluster's help does not list the option; without a snapshot, one info for each plug-in. */
function* judged(
  script: Script,
  command: Command,
  place: Span,
  { name, plugin = '' }: OptionSpec,
  seen: Set<string>,
): Generator<Hit> {
  const known = script.cluster?.submitOptions?.[command];
  if (known?.includes(name)) return;
  if (known)
    yield hit(place, `${command} of this cluster has no ${name}: it needs the plug-in ${plugin}${loaded(script)}`, {
      severity: 'error',
    });
  else if (!seen.has(plugin)) {
    seen.add(plugin);
    yield hit(place, `${name} needs the plug-in ${plugin}`);
  }
}

/** Which plug-ins the site has instead, as the end of a sentence. */
function loaded({ cluster }: Script): string {
  const names = cluster?.submitOptions?.plugIns;
  if (!names) return '';
  return names.length > 0 ? `, and the site loads ${names.join(', ')}` : ', and the site loads none';
}
