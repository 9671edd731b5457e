import { UserError } from '../errors';
import { IMPORTING, type Limits } from './budget';
import { ByteCursor } from './byte-cursor';
import { checkCode, type UsedClass } from './network-code';
import { type FileOutline, otherFileText } from './other-files';
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

/** How deep dicts are looked into for what a file is. */
const OUTLINE_DEPTH = 2;

/** Modules of torch that a network may have: they hold others, or give their input as it is when images are made. */
const TORCH_MODULES =
  /^torch\.nn\.modules\.(container (ModuleDict|ModuleList|Sequential|ParameterList|ParameterDict)|linear Identity|dropout \w*Dropout\w*)$/;

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

/**
 * Whether the file is a state dict, as `torch.save(model.state_dict())` writes it, and no file that holds a network or is
 * known to be something else.
 */
export function isStateDict(path: string): Promise<boolean> {
  return openTorchFile(path, IMPORTING, (file, root) => {
    file.close();
    const hasTensors = [...mapOf(root).values()].some((value) => value instanceof TorchTensor);
    return hasTensors && !moduleOf(networkIn(root)) && otherFileText(outlineOf(file, root)) === undefined;
  });
}

/** Keys and names of tensors of a file, those of dicts within it too. */
function outlineOf(file: SourceFile, root: unknown): FileOutline {
  const keys = new Set<string>();
  const tensors = new Set<string>();
  const add = (entries: ReadonlyMap<unknown, unknown>, depth: number): void => {
    file.budget.spend(entries.size);
    for (const [key, value] of entries) {
      if (typeof key !== 'string') continue;
      if (depth === 0) keys.add(key);
      if (value instanceof TorchTensor) tensors.add(key);
      else if (value instanceof Map && depth < OUTLINE_DEPTH) add(value as Map<unknown, unknown>, depth + 1);
    }
  };
  add(mapOf(root), 0);
  return { keys, tensors };
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
  /** The source of the module that defines its class; undefined for torch's own. */
  readonly source?: string;
  /** Torch's name of its class, with its module. */
  readonly global?: string;
  readonly state: ReadonlyMap<unknown, unknown>;
}

function sourceOf(file: SourceFile, root: unknown): WeightSource {
  const network = moduleOf(networkIn(root));
  if (!network) {
    if (root instanceof Map && GAN_KEYS.some((key) => root.has(key))) {
      throw new UserError(`${file.path} holds a GAN, not an EDM network: give a network-snapshot or edm-*.pkl file`);
    }
    const other = otherFileText(outlineOf(file, root));
    if (other !== undefined) throw new UserError(`${file.path} ${other}`);
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

  refuseVariants(file, root, network);
  const tensors = new NamedTensors(file);
  const seen: Seen = { modules: 0, attributes: new Map(), classes: new Map() };
  collect(file, network, '', tensors, seen, 0);
  const classes = [...seen.classes].flatMap(([source, names]): UsedClass[] =>
    [...names].map((className) => ({ className, source })),
  );
  const { sigma_min, sigma_max } = config;
  return {
    config,
    tensors: tensors.byName,
    code: () => checkCode(classes),
    sources: [...seen.classes.keys()],
    attributes: seen.attributes,
    sigmaMin: typeof sigma_min === 'number' ? sigma_min : undefined,
    sigmaMax: typeof sigma_max === 'number' ? sigma_max : undefined,
    close: () => file.close(),
  };
}

/** Names of the settings of PFGM++, in its networks and losses. */
const PFGM = ['pfgmpp', 'pfgm'] as const;

/** Networks under EDM's names that are sampled otherwise. @throws UserError naming the variant */
function refuseVariants(file: SourceFile, root: unknown, network: Module): void {
  const loss = moduleOf(mapOf(root).get('loss_fn'));
  const inner = moduleOf(mapOf(network.state.get('_modules')).get('model'));
  for (const module of [network, inner, loss]) {
    const kwargs = mapOf(module?.state.get('_init_kwargs'));
    const isPfgm = PFGM.some((name) => isSet(module?.state.get(name)) || isSet(kwargs.get(name)));
    if (!isPfgm && !/pfgm/i.test(module?.className ?? '')) continue;
    const dimension = module?.state.get('D') ?? loss?.state.get('D');
    const text = typeof dimension === 'number' ? ` (D = ${dimension})` : '';
    throw new UserError(
      `${file.path} holds a PFGM++ network${text}: its samples begin with another distribution than EDM's Gaussian, and the workbench does not draw from it; run it with its own code`,
    );
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0;
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
    return { className: value.global.split(' ')[1] ?? '', global: value.global, state: mapOf(value.state) };
  }
  const description = mapOf(value.args[0]);
  const className = description.get('class_name');
  if (typeof className !== 'string') return undefined;
  const source = description.get('module_src');
  return { className, source: typeof source === 'string' ? source : '', state: mapOf(description.get('state')) };
}

/** The module's constructor arguments. */
function keywords(file: SourceFile, module: Module | undefined): Record<string, unknown> {
  const given = mapOf(module?.state.get('_init_kwargs'));
  if (given.size > MAX_KEYWORDS) file.fail(`its network has ${given.size} arguments`);
  const entries = [...given];
  return Object.fromEntries(entries.filter((entry): entry is [string, unknown] => typeof entry[0] === 'string'));
}

/** Attributes of layers that decide what they compute. */
const ATTRIBUTES = [
  'num_heads',
  'skip_scale',
  'adaptive_scale',
  'num_groups',
  'eps',
  'max_positions',
  'endpoint',
] as const;

/** What was met in a network. */
interface Seen {
  modules: number;
  readonly attributes: Map<string, ReadonlyMap<string, number | boolean>>;
  /** Classes by the source of their module. */
  readonly classes: Map<string, Set<string>>;
}

/** Adds the parameters and buffers of a module and its submodules under their state-dict names. */
function collect(
  file: SourceFile,
  module: Module,
  prefix: string,
  tensors: NamedTensors,
  seen: Seen,
  depth: number,
): void {
  if (++seen.modules > MAX_MODULES || depth > MAX_DEPTH) file.fail('its modules are nested too deeply');
  if (module.source !== undefined) {
    const classes = seen.classes.get(module.source) ?? new Set();
    seen.classes.set(module.source, classes.add(module.className));
  } else if (!TORCH_MODULES.test(module.global ?? '')) {
    const name = shortName((module.global ?? '').replace(' ', '.'));
    throw new UserError(
      `${file.path}: its network has ${prefix ? `at ${shortName(prefix.slice(0, -1))} ` : ''}a ${name}, which no EDM network has`,
    );
  }
  const attributes = ATTRIBUTES.flatMap((name): [string, number | boolean][] => {
    const value = module.state.get(name);
    return typeof value === 'number' || typeof value === 'boolean' ? [[name, value]] : [];
  });
  file.budget.hold(NAMED_BYTES);
  if (attributes.length) seen.attributes.set(prefix.slice(0, -1), new Map(attributes));
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
