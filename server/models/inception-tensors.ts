import { UserError } from '../errors';
import { shortName } from '../weights/value-text';
import type { Tensor } from '../weights/weight-source';
import { INCEPTION_UNITS } from './inception-units';

/** Tensors of one convolution in NVIDIA's translation, and pytorch-fid's names of the same. */
const PARTS: readonly (readonly [scripted: string, name: string])[] = [
  ['weight', 'conv.weight'],
  ['beta', 'bn.bias'],
  ['mean', 'bn.running_mean'],
  ['var', 'bn.running_var'],
];

/** Tensors of the first convolution, by which a layout is known, whatever module it is in. */
const FIRST = {
  scripted: /^(.*\.)?layers\.conv\.beta$/,
  own: /^(.*\.)?Conv2d_1a_3x3\.conv\.weight$/,
} as const;

/** NVIDIA's classifier, which features do not need: 1008 classes, as in the graph of 2015-12-05 alone. */
const CLASSIFIER = { name: 'output.weight', shape: '1008,2048' };

/** Whether tensors have the names of the FID Inception-v3, pytorch-fid's or those of NVIDIA's translation. */
export function isInceptionLayout(tensors: ReadonlyMap<string, Tensor>): boolean {
  return Object.values(FIRST).some((first) => prefixOf(tensors, first) !== undefined);
}

/** What stands before the names of a layout; undefined if its first tensor is missing. */
function prefixOf(tensors: ReadonlyMap<string, Tensor>, first: RegExp): string | undefined {
  for (const name of tensors.keys()) {
    const match = first.exec(name);
    if (match) return match[1] ?? '';
  }
  return undefined;
}

/**
 * The tensors under pytorch-fid's names. NVIDIA's normalisation has no gamma, which is 1 in the graph of 2015-12-05.
 * @param tensors under pytorch-fid's names, or those of NVIDIA's translation, in any module
 * @param source the file, for messages
 * @throws UserError when a tensor of the translation is missing, or there is one that would change features
 */
export function inceptionTensors(tensors: ReadonlyMap<string, Tensor>, source: string): ReadonlyMap<string, Tensor> {
  const prefix = prefixOf(tensors, FIRST.scripted);
  if (prefix === undefined) return withoutPrefix(tensors, prefixOf(tensors, FIRST.own) ?? '');
  checkClassifier(tensors.get(prefix + CLASSIFIER.name), source);
  const renamed = new Map<string, Tensor>();
  const known = new Set<string>();
  for (const { name, scripted, out } of INCEPTION_UNITS) {
    for (const [part, ours] of PARTS) {
      const theirs = `${prefix}${scripted}.${part}`;
      const tensor = tensors.get(theirs);
      if (!tensor)
        throw new UserError(
          `${source}: tensor ${shortName(theirs)} is missing: the file does not hold the FID Inception-v3`,
        );
      known.add(theirs);
      renamed.set(`${name}.${ours}`, { name: `${name}.${ours}`, shape: tensor.shape, load: tensor.load });
    }
    const gamma = `${name}.bn.weight`;
    renamed.set(gamma, { name: gamma, shape: [out], load: () => new Float32Array(out).fill(1) });
  }
  const further = [...tensors.keys()].find((name) => name.startsWith(`${prefix}layers.`) && !known.has(name));
  if (further !== undefined)
    throw new UserError(
      `${source}: tensor ${shortName(further)} is not one of the FID Inception-v3: the file holds another network`,
    );
  return renamed;
}

function withoutPrefix(tensors: ReadonlyMap<string, Tensor>, prefix: string): ReadonlyMap<string, Tensor> {
  if (prefix === '') return tensors;
  const own = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(
    own.map(([name, tensor]) => [name.slice(prefix.length), { ...tensor, name: name.slice(prefix.length) }]),
  );
}

function checkClassifier(weight: Tensor | undefined, source: string): void {
  if (!weight || weight.shape.join() === CLASSIFIER.shape) return;
  throw new UserError(
    `${source}: ${CLASSIFIER.name} has shape [${weight.shape.join()}] instead of [${CLASSIFIER.shape}]: the file does not hold the FID Inception-v3`,
  );
}
