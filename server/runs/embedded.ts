import path from 'node:path';
import { packageRoot } from '../package-root';
import { UserError } from '../errors';
import { didYouMean } from '../suggest';

/** What a name such as `embedded:fashion-mnist` stands for. */
export type Role = 'network' | 'detector' | 'reference';

const PREFIX = 'embedded:';
/** Files in server/model, by embedded name and role. */
const MODELS: Record<string, Record<Role, string>> = {
  'fashion-mnist': { network: 'denoiser.onnx', detector: 'detector.onnx', reference: 'reference.npz' },
};

/** All names that `resolveFile` knows, for completion. */
export const EMBEDDED_NAMES: readonly string[] = Object.keys(MODELS).map((name) => PREFIX + name);

/** True where `reference` comes with the workbench and so knows its own detector. */
export function isEmbedded(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * Absolute path of a network, detector or reference.
 * @param name a path (relative to `base`, `~/` allowed) or an embedded name
 * @throws UserError for an unknown embedded name
 */
export function resolveFile(name: string, role: Role, base: string): string {
  if (isEmbedded(name)) {
    const model = MODELS[name.slice(PREFIX.length)];
    if (!model) {
      const hint = didYouMean(name, EMBEDDED_NAMES) ?? EMBEDDED_NAMES.join(', ');
      throw new UserError(`There is no embedded ${role} "${name}": did you mean ${hint}?`);
    }
    return path.join(packageRoot(), 'server', 'model', model[role]);
  }
  const home = name.startsWith('~/')
    ? path.join(process.env.HOME ?? process.env.USERPROFILE ?? '', name.slice(2))
    : name;
  return path.resolve(base, home);
}
