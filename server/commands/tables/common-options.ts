/** Options that several commands share. */
import type { DeviceChoice } from '../../compute/devices';
import { DEFAULT_BATCH } from '../../shared/defaults';
import type { Option } from '../spec';

export const JSON_OUTPUT = { help: 'Print the result as JSON on stdout' } as const satisfies Option;

export const DEVICES = ['auto', 'cpu', 'cuda'] as const satisfies readonly DeviceChoice[];

export const DEVICE = {
  value: 'DEVICE',
  choices: DEVICES,
  default: 'auto',
  help: 'Device: auto takes CUDA where it works, else says why not',
} as const satisfies Option;

export const FID_BATCH = {
  value: 'N',
  type: 'integer',
  least: 1,
  default: DEFAULT_BATCH,
  unit: 'images',
  help: 'Images evaluated together by the detector',
} as const satisfies Option;

export const DIMS = {
  value: 'N',
  type: 'integer',
  least: 1,
  suggestions: ['64', '192', '768', '2048'],
  otherwise: 'the last',
  unit: 'features',
  help: 'Layer of Inception-v3 by its width: 64, 192, 768 or 2048',
} as const satisfies Option;

export const CLUSTER = {
  value: 'NAME',
  otherwise: 'the only one known here',
  help: 'Cluster, by its name in clusters.yaml',
} as const satisfies Option;

/** Where a command writes its one file. */
export const OUT = { value: 'FILE', short: 'o', required: true, completes: 'file' } as const satisfies Omit<
  Option,
  'help'
>;
