import { basename } from 'node:path';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { Graph, type Value } from './onnx-graph';
import { encodeMetadata } from './model-metadata';
import { writeModel } from './model-file';
import type { DetectorInfo } from './model-info';
import { openSafetensors } from '../weights/safetensors';
import { elementCount, type Tensor, type WeightSource } from '../weights/weight-source';

/** `config` of a classifier's safetensors file (written by tools/train/train_classifiers.py). */
interface ClassifierConfig {
  class_name: 'Classifier';
  name: string;
  img_channels: 1 | 3;
  img_resolution: number;
  /** In order: a tensor prefix such as `conv0` (3x3, padded), `relu`, `maxpool2`, and at the end `mean` over the map. */
  layers: string[];
}

/** More than any classifier has. */
const MAX_LAYERS = 1000;
const MAX_SIDE = 2 ** 16;

/** Whether a `.safetensors` file holds a classifier rather than a network. */
export function isClassifier(source: string): boolean {
  const weights = openSafetensors(source);
  weights.close();
  return weights.config.class_name === 'Classifier';
}

/**
 * Converts a small convolutional classifier to a detector: uint8 images in, the features before its last layer out.
 * @param source a `.safetensors` file whose config has class_name `Classifier`
 * @throws UserError for a file of another kind or with a tensor missing
 */
export async function importClassifier(source: string, dest: string): Promise<DetectorInfo> {
  const weights = openSafetensors(source);
  try {
    const config = readConfig(weights, source);
    const { graph, dimension } = classifierGraph(config, (name) => tensorOf(weights, name, source));
    const info: DetectorInfo = {
      kind: 'detector',
      name: config.name,
      dimension,
      published: false,
      channels: config.img_channels,
      resolution: config.img_resolution,
      source_name: basename(source),
      source_sha256: await fileDigest(source),
    };
    await writeModel(dest, graph.toModel(encodeMetadata(info)));
    return info;
  } finally {
    weights.close();
  }
}

function readConfig(weights: WeightSource, source: string): ClassifierConfig {
  const config = weights.config as Partial<ClassifierConfig>;
  const { class_name, name, layers, img_channels, img_resolution } = config;
  const isSound =
    class_name === 'Classifier' &&
    typeof name === 'string' &&
    name !== '' &&
    Array.isArray(layers) &&
    layers.length <= MAX_LAYERS &&
    layers.every((layer) => typeof layer === 'string') &&
    (img_channels === 1 || img_channels === 3) &&
    isSide(img_resolution);
  if (!isSound) {
    throw new UserError(`${source} is not a classifier made by tools/train/train_classifiers.py`);
  }
  return config as ClassifierConfig;
}

function isSide(side: unknown): boolean {
  return Number.isSafeInteger(side) && (side as number) > 0 && (side as number) <= MAX_SIDE;
}

function tensorOf(weights: WeightSource, name: string, source: string): Tensor {
  const tensor = weights.tensors.get(name);
  if (!tensor) throw new UserError(`${source}: tensor ${name} is missing`);
  return tensor;
}

function classifierGraph(
  config: ClassifierConfig,
  tensor: (name: string) => Tensor,
): { graph: Graph; dimension: number } {
  const { img_channels: channels, img_resolution: side, layers } = config;
  const graph = new Graph('classifier');
  const load = (name: string): Value => {
    const { shape, load: values } = tensor(name);
    return graph.initialiser(name, shape, values);
  };
  const images = graph.input('images', 'uint8', ['N', channels, side, side]);
  const scaled = graph.node('Mul', 'scaled', [
    graph.node('Cast', 'cast', [images], { to: 1 }),
    graph.float32([1 / 127.5]),
  ]);
  let x = graph.node('Sub', 'centred', [scaled, graph.float32([1])]);
  let dimension = channels as number;
  for (const [index, layer] of layers.entries()) {
    const name = `layer${index}`;
    switch (layer) {
      case 'relu':
        x = graph.node('Relu', name, [x]);
        break;
      case 'maxpool2':
        x = graph.node('MaxPool', name, [x], { kernel_shape: [2, 2], strides: [2, 2] });
        break;
      case 'mean':
        x = graph.node('ReduceMean', 'features', [x], { axes: [2, 3], keepdims: 0 });
        break;
      default:
        x = graph.node('Conv', name, [x, load(`${layer}.weight`), load(`${layer}.bias`)], {
          kernel_shape: [3, 3],
          pads: [1, 1, 1, 1],
        });
        dimension = elementCount(tensor(`${layer}.bias`).shape);
    }
  }
  graph.output(x, 'float32', ['N', dimension]);
  return { graph, dimension };
}
