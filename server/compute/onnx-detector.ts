import { Tensor } from './onnx-runtime';
import type { Detector } from '../fid/detector';
import { UserError } from '../errors';
import { identityOf } from '../detector-identity';
import { fileDigest } from '../file-digest';
import { detectorContent } from '../models/detector-content';
import type { DetectorInfo } from '../models/model-info';
import { readModelInfo } from '../models/model-file';
import { tapName } from '../models/inception-graph';
import type { DeviceChoice } from './devices';
import { floatsOf, openOnnxSession } from './onnx-session';

/** A detector on ONNX Runtime, with its file's metadata. */
export interface OpenDetector {
  detector: Detector;
  info: DetectorInfo;
  device: 'cpu' | 'cuda';
  note?: string;
  release: () => Promise<void>;
}

/**
 * Opens a detector's ONNX file.
 * @param dimension features of an earlier layer of Inception (64, 192, 768), whose distance is not a FID
 * @throws UserError for a file that is not a detector or has no layer of that dimension
 */
export async function openDetector(file: string, choice: DeviceChoice, dimension?: number): Promise<OpenDetector> {
  const info = await readModelInfo(file);
  if (info.kind !== 'detector')
    throw new UserError(`${file} is a denoiser, not a detector: give a detector made by "edm-workbench import"`);
  const [{ session, device, note }, sha256] = await Promise.all([openOnnxSession(file, choice), fileDigest(file)]);
  if (session.inputNames.join() !== 'images' || session.outputNames[0] !== 'features') {
    throw new UserError(
      `${file} is not a detector: its inputs are ${session.inputNames.join(', ')}, expected images; import it with "edm-workbench import"`,
    );
  }
  const isTap = dimension !== undefined && dimension !== info.dimension;
  const output = isTap ? tapName(dimension) : 'features';
  if (!session.outputNames.includes(output)) {
    await session.release();
    const taps = session.outputNames.map((name) => name.slice('features'.length) || info.dimension);
    throw new UserError(
      `${file} has no layer of ${dimension} features: choose one of ${taps.join(', ')}, or import the detector again`,
    );
  }
  const length = isTap ? dimension : info.dimension;
  const detector: Detector = {
    name: isTap ? `${info.name}, ${dimension} features` : info.name,
    sha256,
    dimension: length,
    identity: identityOf(detectorContent(file, info), length),
    published: info.published && !isTap,
    channels: info.channels,
    resolution: info.resolution,
    async features(images, n, channels, height, width) {
      const feeds = { images: new Tensor('uint8', images, [n, channels, height, width]) };
      return floatsOf(await session.run(feeds, [output]), output);
    },
  };
  return { detector, info, device, note, release: () => session.release() };
}
