import { basename, parse } from 'node:path';
import { fileDigest } from '../file-digest';
import { openStateDict } from '../weights/network-pickle';
import { TORCHVISION } from '../detector-identity';
import type { Tensor } from '../weights/weight-source';
import { inceptionGraph, INCEPTION_FEATURES } from './inception-graph';
import { writeModel } from './model-file';
import type { DetectorInfo } from './model-info';
import { encodeMetadata } from './model-metadata';

/** sha256 of pt_inception-2015-12-05-6726825d.pth, the weights of every published FID (torch-fidelity's file is the same). */
const PUBLISHED_SHA256 = '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2';

/**
 * Converts the state dict of the FID Inception-v3 (`pt_inception-2015-12-05-6726825d.pth`, in either of torch's
 * containers) to a detector: uint8 images of any size in, resized as in the original, 2048 features out. Only the
 * published file gets the name `inception-2015-12-05`; others get their file's name and the start of its sha256, torchvision's
 * one that says so.
 * @throws UserError for a file that cannot be read or does not hold this network
 */
export async function importInception(source: string, dest: string): Promise<DetectorInfo> {
  const weights = await openStateDict(source);
  try {
    const source_sha256 = await fileDigest(source);
    const published = source_sha256 === PUBLISHED_SHA256;
    const digits = source_sha256.slice(0, 8);
    const own = isTorchvision(weights.tensors) ? `${TORCHVISION}-${digits}` : `${parse(source).name}-${digits}`;
    const info: DetectorInfo = {
      kind: 'detector',
      name: published ? 'inception-2015-12-05' : own,
      dimension: INCEPTION_FEATURES,
      published,
      channels: 3,
      source_name: basename(source),
      source_sha256,
    };
    const graph = inceptionGraph(weights.tensors, source);
    await writeModel(dest, graph.toModel(encodeMetadata(info)));
    return info;
  } finally {
    weights.close();
  }
}

/** Classes of torchvision's Inception-v3, which was trained anew; that of the FID has 1008. */
const TORCHVISION_CLASSES = 1000;

/** Whether a state dict is torchvision's: the same layers with other weights, whose distance is far from any FID. */
function isTorchvision(tensors: ReadonlyMap<string, Tensor>): boolean {
  return tensors.get('fc.weight')?.shape[0] === TORCHVISION_CLASSES || tensors.has('AuxLogits.fc.weight');
}
