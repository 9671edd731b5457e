import { basename, parse } from 'node:path';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { knownDetector, TORCHVISION } from '../detector-identity';
import { type ModuleTensors, openModuleTensors } from '../weights/module-tensors';
import { shortName } from '../weights/value-text';
import type { Tensor } from '../weights/weight-source';
import { inceptionGraph, INCEPTION_FEATURES } from './inception-graph';
import { inceptionTensors, isInceptionLayout } from './inception-tensors';
import { writeModel } from './model-file';
import type { DetectorInfo } from './model-info';
import { encodeMetadata } from './model-metadata';

/** Class of NVIDIA's pickled detector. */
const PICKLED_CLASS = 'InceptionV3';

/**
 * Whether a file of torch is to be imported as the FID Inception-v3: a state dict, TorchScript, or NVIDIA's pickle of it.
 * @throws UserError as `openModuleTensors`
 */
export async function isInception(source: string): Promise<boolean> {
  const weights = await openModuleTensors(source);
  weights.close();
  if (isInceptionLayout(weights.tensors) || weights.className === PICKLED_CLASS) return true;
  // An empty dict, or one of something else that is known, is told as what it is where networks are imported.
  if (weights.form === 'state dict') return weights.other === undefined;
  return weights.form === 'TorchScript';
}

/**
 * Converts the weights of the FID Inception-v3 to a detector: uint8 images of any size in, resized as in the original, 2048
 * features out. They come as a state dict (`pt_inception-2015-12-05-6726825d.pth`), as TorchScript (StyleGAN2's
 * `inception-2015-12-05.pt`) or pickled (StyleGAN3's and EDM's `inception-2015-12-05.pkl`). Only the published files get
 * the name `inception-2015-12-05`; others get their file's name and the start of its sha256, torchvision's one that says so.
 * @param name the source's name, if its path does not have it
 * @throws UserError for a file that cannot be read or does not hold this network
 */
export async function importInception(
  source: string,
  dest: string,
  { name = basename(source) }: { name?: string } = {},
): Promise<DetectorInfo> {
  const weights = await openModuleTensors(source);
  try {
    checkKind(weights, source);
    const source_sha256 = await fileDigest(source);
    const published = knownDetector(source_sha256);
    const tensors = inceptionTensors(weights.tensors, source);
    const own = isTorchvision(tensors) ? TORCHVISION : parse(name).name;
    const info: DetectorInfo = {
      kind: 'detector',
      name: published?.name ?? `${own}-${source_sha256.slice(0, 8)}`,
      dimension: INCEPTION_FEATURES,
      published: published !== undefined,
      channels: 3,
      source_name: name,
      source_sha256,
    };
    const graph = inceptionGraph(tensors, source);
    await writeModel(dest, graph.toModel(encodeMetadata(info)));
    return info;
  } finally {
    weights.close();
  }
}

/** A state dict says itself what is missing; of a module its class is known. */
function checkKind({ form, className, tensors }: ModuleTensors, source: string): void {
  if (form === 'state dict' || isInceptionLayout(tensors)) return;
  const what = form === 'module' ? 'a module' : 'a TorchScript module';
  throw new UserError(
    `${source} holds ${what} (${shortName(className)}, ${tensors.size} tensors) that is not the FID Inception-v3: it has neither Conv2d_1a_3x3 nor layers.conv`,
  );
}

/** Classes of torchvision's Inception-v3, which was trained anew; that of the FID has 1008. */
const TORCHVISION_CLASSES = 1000;

/** Whether a state dict is torchvision's: the same layers with other weights, whose distance is far from any FID. */
function isTorchvision(tensors: ReadonlyMap<string, Tensor>): boolean {
  return tensors.get('fc.weight')?.shape[0] === TORCHVISION_CLASSES || tensors.has('AuxLogits.fc.weight');
}
