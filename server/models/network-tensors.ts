import { UserError } from '../errors';
import type { NetworkConfig } from '../weights/network-config';
import { shortName } from '../weights/value-text';
import { elementCount, type Tensor } from '../weights/weight-source';
import { type BlockModule, groupCount, type Module, networkLayout, skipKind } from './network-layout';

/** A tensor of a state dict: trained, a buffer that the outputs depend on, or a constant that may be missing. */
export interface TensorSlot {
  readonly shape: readonly number[];
  readonly is: 'parameter' | 'buffer' | 'constant';
}

/** Every tensor of the state dict of a preconditioned network, from its configuration alone. */
export function networkTensors(config: NetworkConfig): Map<string, TensorSlot> {
  const { encoder, decoder, noiseChannels, embChannels } = networkLayout(config);
  const slots = new TensorSlots(config);
  if (config.class_name === 'iDDPMPrecond') slots.add('u', [config.M + 1], 'buffer');
  if (config.embedding_type === 'fourier') slots.add('model.map_noise.freqs', [noiseChannels / 2], 'buffer');
  if (config.label_dim) {
    if (config.model_type === 'SongUNet') slots.linear('map_label', config.label_dim, noiseChannels);
    else slots.linear('map_label', config.label_dim, embChannels, false);
  }
  if (config.augment_dim) slots.linear('map_augment', config.augment_dim, noiseChannels, false);
  slots.linear('map_layer0', noiseChannels, embChannels);
  slots.linear('map_layer1', embChannels, embChannels);
  for (const module of [...encoder, ...decoder]) slots.module(module, embChannels);
  return slots.byName;
}

/** Collects the tensors of a network's layers. */
class TensorSlots {
  readonly byName = new Map<string, TensorSlot>();

  constructor(private readonly config: NetworkConfig) {}

  add(name: string, shape: readonly number[], is: TensorSlot['is'] = 'parameter'): void {
    this.byName.set(name, { shape, is });
  }

  linear(name: string, from: number, to: number, bias = true): void {
    this.add(`model.${name}.weight`, [to, from]);
    if (bias) this.add(`model.${name}.bias`, [to]);
  }

  module(module: Module, embChannels: number): void {
    switch (module.role) {
      case 'block':
        return this.block(module, embChannels);
      case 'aux_norm':
        return this.norm(module.name, module.in);
      case 'aux_down':
      case 'aux_up':
        return this.filter(module.name);
      case 'aux_residual':
        this.filter(module.name);
        return this.conv(module.name, module.in, module.out, 3);
      case 'aux_skip':
        return this.conv(module.name, module.in, module.out, 1);
      case 'conv':
      case 'aux_conv':
        return this.conv(module.name, module.in, module.out, 3);
    }
  }

  private block(module: BlockModule, embChannels: number): void {
    const { name, in: from, out: to } = module;
    this.norm(`${name}.norm0`, from);
    this.conv(`${name}.conv0`, from, to, 3);
    this.linear(`${name}.affine`, embChannels, to * (this.config.model_type === 'SongUNet' ? 1 : 2));
    this.norm(`${name}.norm1`, to);
    this.conv(`${name}.conv1`, to, to, 3);
    if (skipKind(this.config, module) === 'conv') this.conv(`${name}.skip`, from, to, 1);
    if (module.resample) {
      this.filter(`${name}.conv0`);
      this.filter(`${name}.skip`);
    }
    if (module.heads) {
      this.norm(`${name}.norm2`, to);
      this.conv(`${name}.qkv`, to, to * 3, 1);
      this.conv(`${name}.proj`, to, to, 1);
    }
  }

  private norm(name: string, channels: number): void {
    this.add(`model.${name}.weight`, [channels]);
    this.add(`model.${name}.bias`, [channels]);
  }

  private filter(name: string): void {
    const taps = this.config.resample_filter.length;
    this.add(`model.${name}.resample_filter`, [1, 1, taps, taps], 'constant');
  }

  private conv(name: string, from: number, to: number, kernel: number): void {
    this.add(`model.${name}.weight`, [to, from, kernel, kernel]);
    this.add(`model.${name}.bias`, [to]);
  }
}

/** Every division of channels into groups or heads, which must have no remainder. */
function* divisions(config: NetworkConfig): Generator<{ name: string; parts: number; channels: number }> {
  const { encoder, decoder } = networkLayout(config);
  for (const module of [...encoder, ...decoder]) {
    if (module.role === 'aux_norm') yield { name: module.name, parts: groupCount(module.in), channels: module.in };
    if (module.role !== 'block') continue;
    const { name, in: from, out, heads } = module;
    yield { name: `${name}.norm0`, parts: groupCount(from), channels: from };
    yield { name: `${name}.norm1`, parts: groupCount(out), channels: out };
    if (heads) yield { name: `${name}.qkv`, parts: heads, channels: out };
  }
}

/** Count of trained parameters, as the paper's tables give it. */
export function parameterCount(config: NetworkConfig): number {
  let count = 0;
  for (const { shape, is } of networkTensors(config).values()) {
    if (is === 'parameter') count += elementCount(shape);
  }
  return count;
}

/**
 * Checks that a file holds exactly this network: every tensor with its shape, and no other tensors.
 * @throws UserError naming the first tensor that is missing, has another shape, or does not belong to the network
 */
export function checkTensors(config: NetworkConfig, tensors: ReadonlyMap<string, Tensor>, where: string): void {
  const slots = networkTensors(config);
  for (const { name, parts, channels } of divisions(config)) {
    if (channels % parts)
      throw new UserError(`${where}: ${name}: ${channels} channels do not divide into ${parts} groups`);
  }
  for (const [name, { shape, is }] of slots) {
    const tensor = tensors.get(name);
    if (!tensor) {
      if (is === 'constant') continue;
      throw new UserError(
        `${where}: tensor ${name} is missing: the file does not hold the ${config.model_type} its configuration describes`,
      );
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new UserError(
        `${where}: tensor ${name} has shape [${tensor.shape.join()}], its configuration needs [${shape.join()}]`,
      );
    }
  }
  for (const name of tensors.keys()) {
    if (!slots.has(name))
      throw new UserError(
        `${where}: tensor ${shortName(name)} does not belong to the ${config.model_type} its configuration describes`,
      );
  }
}
