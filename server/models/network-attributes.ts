import { UserError } from '../errors';
import type { NetworkConfig } from '../weights/network-config';
import type { WeightSource } from '../weights/weight-source';
import { EPSILON, SKIP_SCALE } from './network-layers';
import { groupCount, type Module, networkLayout } from './network-layout';

type Attributes = Readonly<Record<string, number | boolean>>;

/** EDM's positional embedding divides by this many positions. */
const MAX_POSITIONS = 10000;
/** Relative; skip_scale is a square root. */
const TOLERANCE = 1e-12;

/**
 * Checks that a network's layers keep the settings that EDM's constructors give them: a fork may have set others and have
 * the same tensors.
 * @param attributes those that the file states, by the module's name
 * @throws UserError naming the first that is another
 */
export function checkAttributes(
  config: NetworkConfig,
  attributes: WeightSource['attributes'] = new Map(),
  where: string,
): void {
  for (const [name, expected] of expectedAttributes(config)) {
    const own = attributes.get(`model.${name}`);
    for (const [key, value] of Object.entries(expected)) {
      const found = own?.get(key);
      if (found === undefined || isSame(found, value)) continue;
      throw new UserError(
        `${where}: layer model.${name} has ${key} ${found}, and EDM's code gives it ${value}: run it with its own code (engine: edm on a cluster)`,
      );
    }
  }
}

function isSame(a: number | boolean, b: number | boolean): boolean {
  return Math.abs(Number(a) - Number(b)) <= TOLERANCE * Math.abs(Number(b));
}

function* expectedAttributes(config: NetworkConfig): Generator<[name: string, attributes: Attributes]> {
  const { encoder, decoder } = networkLayout(config);
  const isSong = config.model_type === 'SongUNet';
  if (config.embedding_type === 'positional') yield ['map_noise', { max_positions: MAX_POSITIONS, endpoint: isSong }];
  for (const module of [...encoder, ...decoder]) yield* ofModule(module, config);
}

function* ofModule(module: Module, { model_type }: NetworkConfig): Generator<[name: string, attributes: Attributes]> {
  const norm = (channels: number): Attributes => ({ num_groups: groupCount(channels), eps: EPSILON[model_type] });
  if (module.role === 'aux_norm') yield [module.name, norm(module.in)];
  if (module.role !== 'block') return;
  const { name, in: from, out, heads } = module;
  yield [name, { num_heads: heads, skip_scale: SKIP_SCALE[model_type], adaptive_scale: model_type === 'DhariwalUNet' }];
  yield [`${name}.norm0`, norm(from)];
  yield [`${name}.norm1`, norm(out)];
  if (heads) yield [`${name}.norm2`, norm(out)];
}
