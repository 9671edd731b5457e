/** Making images, and the networks that make them. Options of `generate` are generate.py's, in its order. */
import {
  DISCRETIZATIONS,
  HEUN_ON,
  RNG_DEVICES,
  SCALINGS,
  SCHEDULES,
  SOLVERS,
  VARIANTS,
} from '../../shared/sampler-options';
import { EMBEDDED_NAMES } from '../../shared/embedded';
import { DEFAULT_BATCH, DEFAULT_SEEDS, DEFAULT_STEPS } from '../../shared/defaults';
import type { CommandSpec, Option } from '../spec';
import { DEVICE, JSON_OUTPUT } from './common-options';

const NETWORK = {
  value: 'F',
  required: true,
  suggestions: EMBEDDED_NAMES,
  completes: 'file',
  help: 'Network: .pkl, .pt, .safetensors, .onnx, an address, or an embedded name',
} as const satisfies Option;

const ACCEPT_SOURCE = {
  value: 'D',
  otherwise: 'only published code',
  help: "Accept the network's own source, once read; D: sha256 of its file",
} as const satisfies Option;

/** Sampler options that take a number; their ranges are checked with the network's. */
const NUMBER = { value: 'X', type: 'number' } as const satisfies Omit<Option, 'help'>;
const SIGMA = { ...NUMBER, unit: 'noise level' } as const satisfies Omit<Option, 'help'>;
/** Naming any of these selects generate.py's ablation sampler. */
const NAME = { value: 'NAME' } as const satisfies Omit<Option, 'help'>;

export const IMAGE_COMMANDS = {
  generate: {
    family: 'images',
    summary: 'Generate images as generate.py does, one PNG per seed',
    details: [
      'Finished images are kept: run the same command again after an interruption. Several processes may fill one folder.',
    ],
    options: {
      network: NETWORK,
      'accept-source': ACCEPT_SOURCE,
      outdir: { value: 'DIR', required: true, completes: 'folder', help: 'Folder for the images; made if missing' },
      seeds: { value: 'LIST', default: DEFAULT_SEEDS, help: 'Seeds, one image each: e.g. 0-63 or 1,2,5-10' },
      subdirs: { help: 'Make a subfolder for every 1000 seeds' },
      class: { value: 'N', type: 'integer', least: 0, otherwise: 'drawn for each seed', help: 'Class of all images, from 0' },
      batch: {
        value: 'N', type: 'integer', least: 1, otherwise: String(DEFAULT_BATCH), unit: 'images',
        help: 'Images evaluated together, at most; never changes the images',
      },
      steps: { value: 'N', type: 'number', default: DEFAULT_STEPS, unit: 'steps', help: 'Sampling steps N; Heun evaluates the network 2N - 1 times, other solvers N' },
      sigma_min: { ...SIGMA, otherwise: '0.002, other with --disc', help: "Lowest noise level; clamped to the network's range" },
      sigma_max: { ...SIGMA, otherwise: '80, other with --disc', help: "Highest noise level; clamped to the network's range" },
      rho: { ...NUMBER, otherwise: '7', help: 'Exponent of the time steps' },
      S_churn: { ...NUMBER, otherwise: '0', help: 'Strength of the stochasticity; 0 is the deterministic sampler' },
      S_min: { ...SIGMA, otherwise: '0', help: 'Lowest noise level at which noise is added' },
      S_max: { ...SIGMA, otherwise: 'inf', help: 'Highest noise level at which noise is added' },
      S_noise: { ...NUMBER, otherwise: '1', help: 'Factor on the added noise' },
      solver: { ...NAME, choices: SOLVERS, otherwise: 'heun', help: 'heun, euler, euler-ancestral, dpmpp-2m|3m, sde-dpmpp-2m, unipc, deis, ipndm or ab' },
      disc: { ...NAME, choices: DISCRETIZATIONS, otherwise: 'edm', help: 'Which noise levels are visited' },
      schedule: { ...NAME, choices: SCHEDULES, otherwise: 'linear', help: 'Noise schedule sigma(t) of the ablation sampler' },
      scaling: { ...NAME, choices: SCALINGS, otherwise: 'none', help: 'Signal scaling s(t) of the ablation sampler' },
      order: { value: 'N', type: 'integer', least: 1, otherwise: "the solver's", help: 'Order of ipndm, ab (1-4), deis (1-3) or unipc (2-3)' },
      variant: { ...NAME, choices: VARIANTS, otherwise: "the solver's", help: 'Form of the solver' },
      heun_on: { ...NAME, choices: HEUN_ON, otherwise: 'x', help: 'What Heun averages: slopes in x, or denoised images D' },
      sigmas: { value: 'LIST', completes: 'file', otherwise: 'those of --disc', unit: 'noise level', help: 'Noise levels, falling: 80,24,8,2,0.5,0.1, or a file of them' },
      churn: { value: 'LIST', otherwise: '--S_churn in all', help: 'S_churn of each step, with commas' },
      eta: { value: 'X|LIST', otherwise: "the solver's", help: 'Fresh noise of euler-ancestral or sde-dpmpp-2m, of all steps or each' },
      rng: { value: 'DEVICE', choices: RNG_DEVICES, otherwise: "the device's", help: "Device whose torch generator the seeds are for" },
      device: DEVICE,
      workers: {
        value: 'N', type: 'integer', least: 1, otherwise: 'as many as pay', unit: 'processes',
        help: 'Processes that share the CPU; never changes the images',
      },
      grid: { value: 'FILE.png', completes: 'file', otherwise: 'no grid', help: 'Picture of the first images side by side; not in DIR' },
      json: JSON_OUTPUT,
    }, // prettier-ignore
    examples: [
      'edm-workbench generate --network embedded:fashion-mnist --outdir images --grid grid.png',
      'edm-workbench generate --network edm-cifar10-32x32-cond-vp.pkl --outdir images --seeds 0-49999 --subdirs',
    ],
  },
  calibrate: {
    family: 'images',
    summary: 'Measure images per second and memory over batch sizes, and say which one to take',
    options: {
      network: NETWORK,
      steps: {
        value: 'N',
        type: 'integer',
        least: 1,
        default: DEFAULT_STEPS,
        unit: 'steps',
        help: 'Sampling steps N that an image takes',
      },
      device: DEVICE,
      json: JSON_OUTPUT,
    },
    examples: ['edm-workbench calibrate --network embedded:fashion-mnist --device cpu'],
  },
  import: {
    family: 'images',
    summary: 'Convert an EDM network or a detector to ONNX, without executing anything in it',
    arguments: [
      {
        value: 'FILE|URL',
        help: 'Network (.pkl, training-state .pt, .safetensors) or detector (Inception .pth, .pt, .pkl; .onnx)',
        completes: 'file',
      },
    ],
    ask: 'give a network or detector file',
    details: [
      "A network's file carries the source of its classes. One that is not what NVIDIA published is refused: its images may be",
      'others. Read it with --show-source, then accept it for this file with --accept-source.',
    ],
    options: {
      out: {
        value: 'MODEL.onnx',
        short: 'o',
        completes: 'file',
        otherwise: 'needed, but for --show-source',
        help: 'The model to write',
      },
      'accept-source': ACCEPT_SOURCE,
      'show-source': { help: 'Import nothing: print the source that a network carries, and whether it is published' },
    },
    examples: [
      'edm-workbench import network-snapshot-200000.pkl -o network.onnx',
      'edm-workbench import --show-source fork.pkl',
      'edm-workbench import pt_inception-2015-12-05-6726825d.pth -o inception.onnx',
    ],
  },
} as const satisfies Record<string, CommandSpec>;
