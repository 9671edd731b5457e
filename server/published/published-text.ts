/** Published networks, references and presets in words, in Markdown. */
import { nfe } from '../shared/defaults';
import { EDM2_PRESETS, EDM2_TRAINING_PRESETS } from './edm2-presets';
import { DATASETS } from './published-facts';
import { networkNamed, referenceNamed, referenceOf } from './published-names';
import { NETWORKS } from './published-networks';

/** What is published about a network; undefined for any other one. */
export function networkText(given: string): string | undefined {
  const network = networkNamed(given);
  if (!network) return undefined;
  const { name, dataset, classes, figures, sampling } = network;
  const { title } = DATASETS[dataset];
  const values = figures.map(({ metric, value, nfe: evaluations, source }) =>
    `- ${metric} **${value}**${evaluations === undefined ? '' : ` at NFE ${evaluations}`} (${source})`); // prettier-ignore
  const reference = referenceOf(network);
  return [
    `**${name}**: ${title}, ${classes === 0 ? 'unconditional' : `${classes} classes (0 to ${classes - 1})`}.`,
    values.length ? `Published figures:\n${values.join('\n')}` : '',
    reference && `Reference: \`${reference.address}\``,
    sampling && `Settings of the paper: \`--steps=${sampling.steps}${sampling.further === undefined ? '' : ` ${sampling.further}`}\` (NFE ${nfe(sampling.steps)}).`, // prettier-ignore
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** What a published reference is of, and which networks it is for; undefined for any other one. */
export function referenceText(given: string): string | undefined {
  const reference = referenceNamed(given);
  if (!reference) return undefined;
  const { name, dataset, remark } = reference;
  const fitting = NETWORKS.filter((network) => network.reference === name).map((network) => `\`${network.name}\``);
  const [few, more] = [fitting.slice(0, 8), fitting.length - 8];
  return [
    `**${name}**: statistics of ${DATASETS[dataset].title}${remark === undefined ? '' : `, ${remark}`}.`,
    fitting.length ? `Networks: ${few.join(', ')}${more > 0 ? ` and ${more} more` : ''}.` : '',
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** What a preset of generate_images.py stands for; undefined for one that it does not have. */
export function presetText(name: string): string | undefined {
  const preset = EDM2_PRESETS.get(name);
  if (!preset) return undefined;
  const { net, gnet, guidance, metric, value } = preset;
  const options = [`--net=.../${net}.pkl`, ...(gnet === undefined ? [] : [`--gnet=.../${gnet}.pkl`, `--guidance=${guidance}`])]; // prettier-ignore
  return `**${name}**: ${metric} **${value}** (published, ${DATASETS[networkNamed(net)?.dataset ?? 'imagenet-512x512'].title}).\n\nStands for \`${options.join(' ')}\`.`; // prettier-ignore
}

/** What a preset of train_edm2.py sets; undefined for one that it does not have. */
export function trainingPresetText(name: string): string | undefined {
  const preset = EDM2_TRAINING_PRESETS.get(name);
  if (!preset) return undefined;
  const { duration, batch, channels, lr, decay, dropout, P_mean, P_std } = preset;
  return `**${name}**: \`--duration=${duration}Mi --batch=${batch} --channels=${channels} --lr=${lr} --decay=${decay} --dropout=${dropout} --P_mean=${P_mean} --P_std=${P_std}\`.`; // prettier-ignore
}
