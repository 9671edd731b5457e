import { UserError } from '../errors';
import { CHECKING } from '../weights/budget';
import { fileKind } from '../weights/file-kind';
import { readModelInfo } from './model-file';
import { differenceText } from '../weights/network-code';
import { readNetworkConfig } from './network-import';

/** What is needed of a network to check a config against it. */
export interface NetworkFacts {
  /** Classes; 0 for an unconditional network. */
  labelDim: number;
  /** What differs from the published code in the source that its file carries; undefined where nothing does. */
  differs?: string;
}

/**
 * The facts of a network in any form, without importing it, at the price of a check.
 * @throws UserError for a file that is not a network or costs too much
 */
export async function networkFacts(file: string): Promise<NetworkFacts> {
  if (fileKind(file) !== 'onnx') {
    const { config, code } = await readNetworkConfig(file, CHECKING);
    return { labelDim: config.label_dim, ...(code?.is === 'other' ? { differs: differenceText(code.differs) } : {}) };
  }
  const info = await readModelInfo(file, CHECKING);
  if (info.kind !== 'denoiser') throw new UserError(`${file} is a detector, not a denoiser`);
  return { labelDim: info.label_dim };
}
