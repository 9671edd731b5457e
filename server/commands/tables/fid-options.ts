/** Measuring images. Options of `fid calc` and `fid ref` are fid.py's. */
import { EMBEDDED_NAMES } from '../../shared/embedded';
import { PUBLISHED_NUM } from '../../shared/defaults';
import type { CommandSpec, Option } from '../spec';
import { DEVICE, DIMS, FID_BATCH, JSON_OUTPUT, OUT } from './common-options';

const DETECTOR = {
  value: 'F',
  suggestions: EMBEDDED_NAMES,
  completes: 'file',
  help: 'Detector: Inception-v3 weights, .onnx, an address or an embedded name',
} as const satisfies Option;

const CONVERT = {
  help: 'Convert palettes, alpha, WebP and BMP as Pillow does; without it they are refused',
} as const satisfies Option;

export const FID_COMMANDS = {
  'fid calc': {
    family: 'metrics',
    summary: 'Measure the Frechet distance of images to reference statistics; the last line is the number',
    details: [
      'Only the 2048 features of the published Inception-v3 give an FID; every other number is shown as FD (<detector>).',
      "The paper's protocol is --repeats 3: three equal parts, of which the least counts.",
      'Kept statistics (--stats) are enough to measure against another reference, without the images.',
      'Inside a git repository the result of images enters its history, with what their folder tells of the run.',
    ],
    usage: ['fid calc --images DIR|ZIP --ref R.npz [options]', 'fid calc --stats S.npz --ref R.npz [--json]'],
    options: {
      images: { value: 'DIR|ZIP|NPZ', completes: 'file', help: 'Images to measure: a run, a folder, a zip, or arr_0 of a .npz' },
      ref: { value: 'R.npz', required: true, suggestions: EMBEDDED_NAMES, completes: 'file', help: 'Reference statistics: .npz, .pkl (EDM2), an address, or an embedded name' },
      detector: { ...DETECTOR, otherwise: "the reference's" },
      num: { value: 'N', type: 'integer', least: 2, default: PUBLISHED_NUM, unit: 'images', help: 'Images to measure; of more, a random subset' },
      seed: { value: 'N', type: 'integer', default: 0, help: 'Seed of the random subset' },
      batch: FID_BATCH,
      device: DEVICE,
      json: JSON_OUTPUT,
      dims: DIMS,
      repeats: { value: 'N', type: 'integer', least: 1, otherwise: '1', unit: 'parts', help: 'Measure so many equal parts of --num images each; the least counts' },
      stats: { value: 'S.npz', completes: 'file', otherwise: 'not kept', help: 'Where to keep the statistics of the images; alone, what to compare' },
      kid: { help: 'Also measure the kernel distance (KID)' },
      pr: { help: 'Also measure precision and recall' },
      real: { value: 'DIR|ZIP', completes: 'file', otherwise: 'features that fid ref kept', help: 'Real images that --kid and --pr compare with' },
      extrapolate: { help: 'Also extrapolate the distance to infinitely many images' },
      convert: CONVERT,
      'no-record': { help: 'Leave the result out of the history' },
    }, // prettier-ignore
    examples: [
      'edm-workbench fid calc --images images --ref embedded:fashion-mnist --num 1000',
      'edm-workbench fid calc --images images --ref cifar10-32x32.npz --detector inception.onnx --repeats 3',
      'edm-workbench fid calc --stats all.npz --ref cifar10-32x32.npz',
    ],
  },
  'fid ref': {
    family: 'metrics',
    summary: 'Make reference statistics of a set of images, or of one part of it to be merged',
    options: {
      data: { value: 'DIR|ZIP', required: true, completes: 'file', help: 'Images, all of which are used' },
      dest: { value: 'R.npz', required: true, completes: 'file', help: 'The statistics to write' },
      detector: { ...DETECTOR, required: true },
      batch: FID_BATCH,
      device: DEVICE,
      json: JSON_OUTPUT,
      dims: DIMS,
      convert: CONVERT,
      'keep-features': { help: 'Also keep the features, in R.features.npz: --kid and --pr then need no --real' },
    },
    examples: ['edm-workbench fid ref --data cifar10-32x32.zip --dest cifar10-32x32.npz --detector inception.onnx'],
  },
  'fid merge': {
    family: 'metrics',
    summary: 'Add the statistics of parts of a set: the same as of the whole in one pass',
    arguments: [{ value: 'PART.npz', help: 'Statistics to add, two or more', many: true, completes: 'file' }],
    ask: 'give two or more statistics files',
    options: { out: { ...OUT, value: 'ALL.npz', help: 'The statistics to write' } },
    examples: ['edm-workbench fid merge part-0.npz part-1.npz -o all.npz'],
  },
  'fid compare': {
    family: 'metrics',
    summary: 'Tell which of two runs is nearer to the reference; the last line is the verdict',
    details: [
      "A and B are run folders, records of the history (the beginning of an id or a commit, a run's name) or statistics.",
      'Runs of the same seeds are compared image by image: what their latents have by chance then cancels.',
      'The verdict is at 95 %: better or worse of B, or inconclusive with the number of images that would decide.',
    ],
    arguments: [
      { value: 'A', help: 'Run folder, record or statistics that B is compared with', completes: 'file' },
      { value: 'B', help: 'Run folder, record or statistics in question', completes: 'file' },
    ],
    ask: 'give two run folders, records or statistics files',
    options: {
      ref: { value: 'R.npz', suggestions: EMBEDDED_NAMES, completes: 'file', otherwise: "the runs' own", help: 'Reference that statistics are measured against' },
      paired: { help: 'Fail unless images are compared in pairs; of statistics it says that their seeds are the same' },
      json: JSON_OUTPUT,
    }, // prettier-ignore
    examples: [
      'edm-workbench fid compare runs/3f2a1b0-heun runs/8c1d2e3-dpmpp',
      'edm-workbench fid compare a.npz b.npz --ref embedded:fashion-mnist --paired --json',
    ],
  },
} as const satisfies Record<string, CommandSpec>;
