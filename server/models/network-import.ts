import { basename } from 'node:path';
import { CancelledError, UserError } from '../errors';
import { ProgressMeter, type TaskControl } from '../shared/progress';
import { fileDigest } from '../file-digest';
import { encodeMetadata } from './model-metadata';
import { writeModel } from './model-file';
import type { DenoiserInfo } from './model-info';
import { parseNetworkConfig, type NetworkConfig } from '../weights/network-config';
import { checkAccepted, codeOf } from './network-acceptance';
import { checkAttributes } from './network-attributes';
import { denoiserGraph } from './network-graph';
import { blockConvolutions, networkLayout } from './network-layout';
import { checkTensors, parameterCount } from './network-tensors';
import { openNetworkPickle } from '../weights/network-pickle';
import { noiseRange } from './noise-range';
import { IMPORTING, type Limits } from '../weights/budget';
import { openSafetensors } from '../weights/safetensors';
import { fileKind } from '../weights/file-kind';
import type { CodeFinding } from '../weights/network-code';
import type { WeightSource } from '../weights/weight-source';

export interface ImportOptions extends TaskControl {
  /** The source's name, if its path does not have it. */
  name?: string;
  /** sha256 of the file whose code somebody has read and takes for EDM's. */
  accept?: string;
  /** Names of the classes in label order; as many as the network has classes. */
  class_names?: string[];
}

/**
 * Converts trained weights to an ONNX denoiser with its metadata. One tensor is in memory at a time.
 * @param source a pickled network (`.pkl`, `.pt`), or `.safetensors` with the network's configuration
 * @param dest the `.onnx` file to write, atomically
 * @returns the metadata
 * @throws UserError if the source cannot be used or the destination cannot be written; CancelledError
 */
export async function importNetwork(source: string, dest: string, options: ImportOptions = {}): Promise<DenoiserInfo> {
  const weights = await openWeights(source, IMPORTING);
  try {
    const digest = await fileDigest(source);
    checkAccepted(options.accept, digest, source);
    const config = parseNetworkConfig(weights.config, source, options.accept !== undefined);
    checkTensors(config, weights.tensors, source);
    checkAttributes(config, weights.attributes, source);
    checkChannels(config, source);
    const code = codeOf(weights, digest, source, options.accept);
    const graph = denoiserGraph(config, weights.tensors);
    const info = { ...describe(source, weights, config, options), source_sha256: digest, ...code };
    const model = graph.toModel(encodeMetadata(info));
    const meter = new ProgressMeter('Writing bytes of the model', model.byteLength, options.onProgress);
    await writeModel(dest, model, (done) => {
      if (options.signal?.aborted) throw new CancelledError();
      meter.update(done);
    });
    return info;
  } finally {
    weights.close();
  }
}

/**
 * The configuration of the network in a file and what is known of its code, without reading its weights: enough to check
 * options against it.
 * @param limits what reading it may cost
 * @throws UserError as importNetwork, but for code that is not known
 */
export async function readNetworkConfig(
  source: string,
  limits: Limits = IMPORTING,
): Promise<{ config: NetworkConfig; code?: CodeFinding }> {
  const weights = await openWeights(source, limits);
  try {
    const code = weights.code?.();
    // Arguments of other code are for those who accept it.
    const config = parseNetworkConfig(weights.config, source, code?.is === 'other');
    checkTensors(config, weights.tensors, source);
    return { config, code };
  } finally {
    weights.close();
  }
}

/** Opens a network's file. Pickles and torch's zip files are recognised by their content, safetensors by the name. */
export async function openWeights(source: string, limits: Limits): Promise<WeightSource> {
  const kind = fileKind(source);
  if (kind === 'pickle' || kind === 'zip') return openNetworkPickle(source, limits);
  if (source.endsWith('.safetensors')) return openSafetensors(source, limits);
  throw new UserError(`${source} is neither a pickled network (.pkl, .pt) nor a .safetensors file`);
}

/** @throws UserError for networks whose outputs are no images */
function checkChannels({ img_channels: channels }: NetworkConfig, source: string): void {
  if (channels === 1 || channels === 3) return;
  const isLatent = channels === 4;
  throw new UserError(
    `${source}: the network makes ${isLatent ? 'latents' : 'images'} of ${channels} channels${isLatent ? ', which need a decoder (such as the VAE of Stable Diffusion) to become images' : ''}; networks of 1 channel (grayscale) and 3 (RGB) are imported`,
  );
}

function describe(
  source: string,
  weights: WeightSource,
  config: NetworkConfig,
  options: ImportOptions,
): Omit<DenoiserInfo, 'source_sha256'> {
  const { class_names } = options;
  if (class_names && class_names.length !== config.label_dim) {
    throw new UserError(
      `${source}: the network has ${config.label_dim} classes, but ${class_names.length} class names were given`,
    );
  }
  const u = weights.tensors.get('u')?.load();
  const range = noiseRange(config, u);
  return {
    kind: 'denoiser',
    precond: config.class_name,
    architecture: config.model_type,
    sigma_min: weights.sigmaMin ?? range.sigma_min,
    sigma_max: weights.sigmaMax ?? range.sigma_max,
    sigma_data: config.sigma_data,
    label_dim: config.label_dim,
    img_resolution: config.img_resolution,
    img_channels: config.img_channels,
    parameters: parameterCount(config),
    u: u && Array.from(u),
    class_names,
    convolutions: blockConvolutions(networkLayout(config)),
    source_name: options.name ?? basename(source),
    training: weights.training,
    training_commit: weights.trainingCommit,
  };
}
