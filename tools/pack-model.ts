/**
 * Makes server/model from trained weights: `npx tsx tools/pack-model.ts BUILD_DIR`, BUILD_DIR being what
 * tools/train/train_denoiser.py and train_classifiers.py wrote. The reference statistics are those of the 60,000
 * training images, measured by the workbench itself.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { encodePng } from '../server/images/png';
import { importClassifier } from '../server/models/classifier-import';
import { compute } from '../server/compute/compute-process';
import { importNetwork } from '../server/models/network-import';
import { withProgress } from '../server/terminal';

/** In label order. */
export const CLASS_NAMES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];
const DATASET = '/usr/share/datasets/fashion-mnist';
const SIDE = 28;

/** Writes a split of the dataset as PNG files, once. */
function exportImages(split: 'train' | 't10k', folder: string): void {
  try {
    mkdirSync(folder);
  } catch {
    return;
  }
  const pixels = gunzipSync(readFileSync(path.join(DATASET, `${split}-images-idx3-ubyte.gz`))).subarray(16);
  for (let index = 0; index * SIDE * SIDE < pixels.length; index++) {
    const image = pixels.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);
    writeFileSync(
      path.join(folder, `${String(index).padStart(6, '0')}.png`),
      encodePng({ pixels: image, width: SIDE, height: SIDE, channels: 1 }),
    );
  }
}

async function main(build: string): Promise<void> {
  const model = path.join(__dirname, '..', 'server', 'model');
  const denoiser = await importNetwork(path.join(build, 'denoiser.safetensors'), path.join(model, 'denoiser.onnx'), {
    class_names: CLASS_NAMES,
  });
  console.log(`denoiser.onnx: ${denoiser.parameters} parameters, sigma_data ${denoiser.sigma_data}`);
  const detector = path.join(model, 'detector.onnx');
  const { dimension } = await importClassifier(path.join(build, 'detector.safetensors'), detector);
  console.log(`detector.onnx: ${dimension} features`);
  exportImages('train', path.join(build, 'train'));
  exportImages('t10k', path.join(build, 't10k'));
  const job = {
    kind: 'reference',
    data: path.join(build, 'train'),
    dest: path.join(model, 'reference.npz'),
    detector,
    device: 'cpu',
    batch: 256,
  } as const;
  const { num } = await withProgress(process.stderr, (onProgress) => compute(job, onProgress));
  console.log(`reference.npz: ${num} images`);
}

if (require.main === module) {
  const [build] = process.argv.slice(2);
  if (!build) throw new Error('Usage: npx tsx tools/pack-model.ts BUILD_DIR');
  void main(path.resolve(build));
}
