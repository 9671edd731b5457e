import type { ClusterSnapshot } from '../shared/schema-types.gen';
import type { OptionSpec } from './catalogue/option-spec';
import { pluginOptions } from './catalogue/plugin-options';

/** An option that a cluster's help lists beyond Slurm's own: as the catalogue has it, else in the words of that help. */
export function siteOption(name: string, cluster: ClusterSnapshot | undefined): OptionSpec {
  const known = pluginOptions.get(name);
  if (known) return known;
  const added = cluster?.submitOptions?.added?.find((option) => option.name === name);
  const { value, help, plugin } = added ?? {};
  return {
    name,
    type: added && value === undefined ? 'flag' : 'text',
    argument: added && value === undefined ? 'none' : 'optional',
    ...(value !== undefined && value !== '' && { meta: value }),
    ...(plugin !== undefined && { plugin }),
    help: help === undefined ? 'An option of this cluster; `sbatch --help` there explains it.' : `In the words of this cluster's help: ${help}`,
  }; // prettier-ignore
}
