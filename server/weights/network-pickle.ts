import { UserError } from '../errors';
import { IMPORTING, type Limits } from './budget';
import { ByteCursor } from './byte-cursor';
import { PickleObject } from './pickle';
import { SourceFile } from './source-file';
import { TorchReader, TorchTensor } from './torch-objects';
import { readTorchZip } from './torch-zip';
import { shortName } from './value-text';
import type { Tensor, WeightSource } from './weight-source';

/** Keys under which snapshots keep the network: the moving average first, then the network in training. */
const NETWORK_KEYS = ['ema', 'net'] as const;

/** Keys of StyleGAN's snapshots. */
const GAN_KEYS = ['G_ema', 'G', 'D'] as const;

/** Attributes of a preconditioner that are constructor arguments or follow from them. */
const SETTINGS = [
  'img_resolution',
  'img_channels',
  'label_dim',
  'sigma_min',
  'sigma_max',
  'sigma_data',
  'beta_d',
  'beta_min',
  'M',
  'epsilon_t',
] as const;

/** Memory of a named tensor besides its name, by estimate. */
const NAMED_BYTES = 256;

/** How many bytes of tensors a byte of a file may give; more are views that show the same numbers again and again. */
const MAX_GROWTH = 2;

/** Far more than any network has, so that a pickle that contains itself ends in an error. */
const MAX_MODULES = 20_000;
const MAX_DEPTH = 16;
const MAX_KEYWORDS = 1000;

/**
 * Opens a pickled network: `network-snapshot-*.pkl`, a published `.pkl`, or `training-state-*.pt` (edm.md section 11).
 * Nothing in it is executed, and its weights stay in the file until they are loaded.
 * @param limits what reading it may cost
 * @throws UserError for a file that is cut off, malformed, costs too much, holds an object that no network contains, or no
 * EDM network
 */
export async function openNetworkPickle(path: string, limits: Limits = IMPORTING): Promise<WeightSource> {
  return openTorchFile(path, limits, sourceOf);
}

/**
 * Opens what `torch.save(model.state_dict())` wrote.
 * @throws UserError when the file is damaged or holds something else
 */
export async function openStateDict(path: string): Promise<Pick<WeightSource, 'tensors' | 'close'>> {
  return openTorchFile(path, IMPORTING, (file, root) => {
    const tensors = new NamedTensors(file);
    tensors.add('', mapOf(root));
    if (!tensors.byName.size) throw new UserError(`${path} holds no named tensors: expected a state dict`);
    return { tensors: tensors.byName, close: () => file.close() };
  });
}

/** Whether the file is a state dict, as `torch.save(model.state_dict())` writes it, and not a pickled network. */
export function isStateDict(path: string): Promise<boolean> {
  return openTorchFile(path, IMPORTING, (file, root) => {
    file.close();
    return [...mapOf(root).values()].some((value) => value instanceof TorchTensor);
  });
}

/** Reads a file in any of torch's containers; it stays open for what `make` returns. */
async function openTorchFile<T>(
  path: string,
  limits: Limits,
  make: (file: SourceFile, root: unknown) => T,
): Promise<T> {
  const file = new SourceFile(path, limits);
  try {
    const reader = new TorchReader(file);
    const isZip = file.size >= 4 && new TextDecoder().decode(file.read(0, 4)) === 'PK\x03\x04';
    return make(file, isZip ? await readTorchZip(file, reader) : reader.read(new ByteCursor(file, 0, file.size)));
  } catch (error) {
    file.close();
    throw error;
  }
}

/** One pickled module: its class and its attributes. */
interface Module {
  readonly className: string;
  readonly state: ReadonlyMap<unknown, unknown>;
}

function sourceOf(file: SourceFile, root: unknown): WeightSource {
  const network = moduleOf(networkIn(root));
  if (!network) {
    if (root instanceof Map && GAN_KEYS.some((key) => root.has(key))) {
      throw new UserError(`${file.path} holds a GAN, not an EDM network: give a network-snapshot or edm-*.pkl file`);
    }
    throw new UserError(`${file.path} holds no EDM network: expected a pickle with the key ema or net`);
  }
  if (/^(Generator|Discriminator)$/.test(network.className)) {
    throw new UserError(`${file.path} holds a GAN (${network.className}), not an EDM network`);
  }
  if (network.className === 'InceptionV3') {
    throw new UserError(
      `${file.path} holds NVIDIA's copy of the FID detector: import pt_inception-2015-12-05-6726825d.pth, the same weights under their published sha256`,
    );
  }
  const inner = moduleOf(mapOf(network.state.get('_modules')).get('model'));
  const config: Record<string, unknown> = { ...keywords(file, inner), ...keywords(file, network) };
  for (const key of SETTINGS) if (network.state.has(key)) config[key] = network.state.get(key);
  config.class_name = network.className;
  if (inner) config.model_type = inner.className;

  const tensors = new NamedTensors(file);
  collect(file, network, '', tensors, { modules: 0 }, 0);
  const { sigma_min, sigma_max } = config;
  return {
    config,
    tensors: tensors.byName,
    sigmaMin: typeof sigma_min === 'number' ? sigma_min : undefined,
    sigmaMax: typeof sigma_max === 'number' ? sigma_max : undefined,
    close: () => file.close(),
  };
}

function networkIn(root: unknown): unknown {
  if (!(root instanceof Map)) return root;
  const key = NETWORK_KEYS.find((name) => moduleOf(root.get(name)));
  return key && (root.get(key) as unknown);
}

/** A persistent object (class name and attributes by name), or a container module of torch. */
function moduleOf(value: unknown): Module | undefined {
  if (!(value instanceof PickleObject)) return undefined;
  if (value.global !== 'torch_utils.persistence _reconstruct_persistent_obj') {
    return { className: value.global.split(' ')[1] ?? '', state: mapOf(value.state) };
  }
  const description = mapOf(value.args[0]);
  const className = description.get('class_name');
  return typeof className === 'string' ? { className, state: mapOf(description.get('state')) } : undefined;
}

/** The module's constructor arguments. */
function keywords(file: SourceFile, module: Module | undefined): Record<string, unknown> {
  const given = mapOf(module?.state.get('_init_kwargs'));
  if (given.size > MAX_KEYWORDS) file.fail(`its network has ${given.size} arguments`);
  const entries = [...given];
  return Object.fromEntries(entries.filter((entry): entry is [string, unknown] => typeof entry[0] === 'string'));
}

/** Adds the parameters and buffers of a module and its submodules under their state-dict names. */
function collect(
  file: SourceFile,
  module: Module,
  prefix: string,
  tensors: NamedTensors,
  seen: { modules: number },
  depth: number,
): void {
  if (++seen.modules > MAX_MODULES || depth > MAX_DEPTH) file.fail('its modules are nested too deeply');
  for (const group of ['_parameters', '_buffers']) {
    tensors.add(prefix, mapOf(module.state.get(group)));
  }
  const children = mapOf(module.state.get('_modules'));
  file.budget.spend(children.size);
  for (const [key, value] of children) {
    const child = moduleOf(value);
    if (child) collect(file, child, `${prefix}${nameOf(file, key)}.`, tensors, seen, depth + 1);
  }
}

/** Tensors by their state-dict names, within the file's budget and not larger than the file. */
class NamedTensors {
  readonly byName = new Map<string, Tensor>();
  private bytes = 0;

  constructor(private readonly file: SourceFile) {}

  /** Adds those of one module. */
  add(prefix: string, entries: ReadonlyMap<unknown, unknown>): void {
    const { file } = this;
    file.budget.spend(entries.size);
    for (const [key, value] of entries) {
      if (!(value instanceof TorchTensor)) continue;
      const name = prefix + nameOf(file, key);
      file.budget.hold(NAMED_BYTES + 2 * name.length);
      this.bytes += value.byteLength;
      if (!(this.bytes <= MAX_GROWTH * file.size)) {
        file.fail(`its tensors up to ${shortName(name)} take ${this.bytes} bytes, the whole file has ${file.size}`);
      }
      this.byName.set(name, { name, shape: value.shape, load: () => value.load(name) });
    }
  }
}

/** The name of a module or tensor; torch has texts only. */
function nameOf(file: SourceFile, key: unknown): string {
  return typeof key === 'string' ? key : file.fail('a module or tensor has a name that is not a text');
}

const NOTHING: ReadonlyMap<unknown, unknown> = new Map();

function mapOf(value: unknown): ReadonlyMap<unknown, unknown> {
  return value instanceof Map ? value : NOTHING;
}
