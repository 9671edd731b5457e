import { UserError } from '../errors';
import { IMPORTING, type Limits } from './budget';
import { checkCode, type UsedClass } from './network-code';
import { otherFileText } from './other-files';
import type { SourceFile } from './source-file';
import { openTorchFile } from './torch-file';
import { mapOf, type Module, moduleOf, NamedTensors, outlineOf, scriptedModule } from './torch-modules';
import { shortName } from './value-text';
import type { WeightSource } from './weight-source';

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

/** Far more than any network has. */
const MAX_KEYWORDS = 1000;

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

function sourceOf(file: SourceFile, root: unknown): WeightSource {
  const found = networkIn(root);
  const network = moduleOf(found);
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
    throw new UserError(`${file.path} holds the FID detector, not an EDM network: name it as the detector`);
  }
  if (scriptedModule(found)) {
    throw new UserError(
      `${file.path} holds a TorchScript module (${shortName(network.className)}), not an EDM network`,
    );
  }
  const inner = moduleOf(mapOf(network.state.get('_modules')).get('model'));
  const config: Record<string, unknown> = { ...keywords(file, inner), ...keywords(file, network) };
  for (const key of SETTINGS) if (network.state.has(key)) config[key] = network.state.get(key);
  config.class_name = network.className;
  if (inner) config.model_type = inner.className;

  refuseVariants(file, root, network);
  const tensors = new NamedTensors(file);
  const seen: Seen = { attributes: new Map(), classes: new Map() };
  tensors.addModule(network, (module, prefix) => meet(file, module, prefix, seen));
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

/** What a snapshot keeps its network under; the object itself where it is no snapshot. */
export function networkIn(root: unknown): unknown {
  if (!(root instanceof Map)) return root;
  const key = NETWORK_KEYS.find((name) => moduleOf(root.get(name)));
  return key && (root.get(key) as unknown);
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
  readonly attributes: Map<string, ReadonlyMap<string, number | boolean>>;
  /** Classes by the source of their module. */
  readonly classes: Map<string, Set<string>>;
}

/** Notes what decides how a module computes. @throws UserError for a module that no EDM network has */
function meet(file: SourceFile, module: Module, prefix: string, seen: Seen): void {
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
  if (attributes.length) seen.attributes.set(prefix.slice(0, -1), new Map(attributes));
}
