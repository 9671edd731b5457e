/** Run configs as a language of the editor. */
import { DEFAULT_SEEDS, PUBLISHED_NUM } from '../shared/defaults';
import { EMBEDDED_NAMES } from '../shared/embedded';
import { readSchema } from '../schema';
import type { YamlLanguage } from '../yaml-assist';

/** @param clusters names of the known clusters */
export function configLanguage(clusters: readonly string[] = []): YamlLanguage {
  return {
    schema: readSchema('run-config'),
    valuesOf: (path) => {
      switch (path.at(-1)) {
        case 'network':
        case 'reference':
        case 'detector':
          return EMBEDDED_NAMES;
        case 'seeds':
          return [DEFAULT_SEEDS, '0-999', `0-${PUBLISHED_NUM - 1}`];
        case 'cluster':
          return clusters;
        default:
          return [];
      }
    },
  };
}
