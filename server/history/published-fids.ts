/** Results next to the published figures of their networks. */

import { networkNamed, referenceNamed } from '../published/published-names';
import { PUBLISHED_NUM } from '../shared/defaults';

/** The part of a result that a published one is compared by. */
export interface Comparable {
  metric: string;
  num: number;
  network?: { name: string };
  sampler?: { nfe: number };
  reference: { name: string };
}

/**
 * The published FID of a result's network and reference, and what differs. Networks are recognised by their file names, so
 * a renamed one has no comparison.
 * @returns undefined if nothing is published, or the metric is not FID
 */
export function publishedText({ metric, num, network, sampler, reference }: Comparable): string | undefined {
  if (metric !== 'FID' || !network) return undefined;
  const published = networkNamed(network.name);
  const found = published?.figures.find((figure) => figure.metric === metric);
  // Figures of EDM2 belong to a preset, and a result does not say by what it was guided.
  if (!found?.nfe || !published?.sampling || published.reference !== referenceStem(reference.name)) return undefined;
  const differences = [
    num !== PUBLISHED_NUM && `N is ${num}, not ${PUBLISHED_NUM}`,
    sampler && sampler.nfe !== found.nfe && `NFE is ${sampler.nfe}`,
  ].filter((text) => typeof text === 'string');
  const differs = differences.length > 0 ? `; not comparable: ${differences.join(', ')}` : '';
  return `published: ${found.value} at NFE ${found.nfe} (${found.source}; least of 3 x 50000)${differs}`;
}

/** `publishedText` of the records that have one, by id. */
export function publishedTexts(records: readonly (Comparable & { id: string })[]): Record<string, string> {
  const texts = records.map((record) => [record.id, publishedText(record)] as const);
  return Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The name of a published reference, with or without its extension. */
function referenceStem(name: string): string | undefined {
  return (referenceNamed(name) ?? referenceNamed(`${name}.npz`))?.name;
}
