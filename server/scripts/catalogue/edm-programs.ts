/** The programs of NVlabs/edm and their options. */
import { CHOICE_OPTIONS, ORIGINAL_DISCRETIZATIONS, SCALINGS, SCHEDULES, SOLVERS } from '../../shared/sampler-options';
import { isOriginal } from '../../shared/solvers';
import { flag, valued, type Program, type ProgramOption } from './program-option';

const link = 'https://github.com/NVlabs/edm';
const BOOLEANS = ['True', 'False'] as const;

/** Noise levels and churn, which EDM's and EDM2's samplers share. */
export const churnOptions: readonly ProgramOption[] = [
  valued('--rho', 'FLOAT', 'Exponent of the time steps (equation 5): a larger one puts more steps near `sigma_min`.', { default: '7' }),
  valued('--S_churn', 'FLOAT', 'Strength of the stochasticity; 0 is the deterministic sampler. The paper takes 40 for ImageNet-64.', { default: '0' }),
  valued('--S_min', 'FLOAT', 'Lowest noise level at which churn adds noise. The paper takes 0.05 for ImageNet-64.', { default: '0' }),
  valued('--S_max', 'FLOAT', 'Highest noise level at which churn adds noise. The paper takes 50 for ImageNet-64.', { default: 'inf' }),
  valued('--S_noise', 'FLOAT', 'Factor on the added noise; slightly above 1 keeps detail. The paper takes 1.003 for ImageNet-64.', { default: '1' }),
]; // prettier-ignore

const choices: Readonly<Record<(typeof CHOICE_OPTIONS)[number], { values: readonly string[]; help: string }>> = {
  solver: { values: SOLVERS.filter(isOriginal), help: 'Solver of the ablation sampler. Heun evaluates the network twice in each step but the last, Euler once.' },
  disc: { values: ORIGINAL_DISCRETIZATIONS, help: 'Time step discretization of the ablation sampler (table 1).' },
  schedule: { values: SCHEDULES, help: 'Noise schedule sigma(t) of the ablation sampler.' },
  scaling: { values: SCALINGS, help: 'Signal scaling s(t) of the ablation sampler.' },
}; // prettier-ignore

/** Any of them selects the ablation sampler, with the other three at its own defaults. */
const ablationOptions: readonly ProgramOption[] = CHOICE_OPTIONS.map((name) =>
  valued(`--${name}`, choices[name].values.join('|'), choices[name].help, { values: choices[name].values }),
);

/** Where images go, and of which seeds: of generate.py and generate_images.py. */
export const imageOptions = (seeds: string, batch: string): readonly ProgramOption[] => [
  valued('--outdir', 'DIR', 'Folder of the images, one `{seed:06d}.png` each. It is created; files that are there are overwritten.', { isRequired: true }),
  valued('--seeds', 'LIST', 'Random seeds, one image each: numbers and ranges such as `0-63` or `1,2,5-10`. For FID, 50,000 of them.', { default: seeds, meaning: 'seeds' }),
  flag('--subdirs', 'One subfolder for every 1,000 seeds: many file systems are slow with more files in a folder.'),
  valued('--class', 'INT', 'Class of every image, counted from 0. Without it each seed draws its own class.', { meaning: 'class' }),
  valued('--batch', 'INT', 'Most images that one process evaluates together. It changes speed and memory, not the images.', { default: batch, meaning: 'batch' }),
]; // prettier-ignore

/** Of fid.py calc and calculate_metrics.py calc. */
export const measureOptions: readonly ProgramOption[] = [
  valued('--images', 'PATH|ZIP', 'Folder of the images, searched with its subfolders, or a ZIP archive of them.', { isRequired: true }),
  valued('--num', 'INT', 'Images that are measured. Fewer are an error; of more, a random subset is taken. Published values are over 50,000.', { default: '50000' }),
  valued('--seed', 'INT', 'Seed of the random subset.', { default: '0' }),
]; // prettier-ignore

const batch = (count: string): ProgramOption =>
  valued('--batch', 'INT', 'Most images that the detector evaluates together.', { default: count });

const generate: Program = {
  program: 'generate.py',
  of: 'EDM',
  help: 'Makes images with a network and the sampler of the paper, or with one of its ablations.',
  link,
  spelling: 'exact',
  isCommonName: true,
  options: [
    valued('--network', 'PATH|URL', 'The network, as a pickle. An address is downloaded once into `~/.cache/dnnlib`.', { isRequired: true, meaning: 'network' }),
    ...imageOptions('0-63', '64'),
    valued('--steps', 'INT', 'Number of sampling steps N. The paper takes 18 for CIFAR-10, 40 for FFHQ and AFHQv2, 256 for ImageNet-64.', { default: '18', meaning: 'steps' }),
    valued('--sigma_min', 'FLOAT', 'Lowest noise level, clamped to what the network supports. Without it 0.002; that of the discretization in the ablation sampler.'),
    valued('--sigma_max', 'FLOAT', 'Highest noise level, clamped to what the network supports. Without it 80; that of the discretization in the ablation sampler.'),
    ...churnOptions,
    ...ablationOptions,
  ],
}; // prettier-ignore

const fid: Program = {
  program: 'fid.py',
  of: 'EDM',
  help: 'Computes the Fréchet inception distance of images, or reference statistics of a data set.',
  link,
  spelling: 'exact',
  isCommonName: true,
  options: [],
  subcommands: {
    calc: {
      help: 'The FID of a folder of images against reference statistics; it is the last line of the output.',
      options: [
        ...measureOptions.slice(0, 1),
        valued('--ref', 'NPZ|URL', "Reference statistics of the data set that the network was trained on. The authors' are at `https://nvlabs-fi-cdn.nvidia.com/edm/fid-refs/`.", { isRequired: true, meaning: 'reference' }),
        ...measureOptions.slice(1),
        batch('64'),
      ],
    },
    ref: {
      help: 'Reference statistics of a data set, over all of its images.',
      options: [
        valued('--data', 'PATH|ZIP', 'The data set: a folder or a ZIP archive of images.', { isRequired: true }),
        valued('--dest', 'NPZ', 'The file that is written, with `mu` and `sigma`.', { isRequired: true }),
        batch('64'),
      ],
    },
  },
}; // prettier-ignore

const train: Program = {
  program: 'train.py',
  of: 'EDM',
  help: 'Trains a network.',
  link,
  spelling: 'exact',
  isCommonName: true,
  isMostlyOthers: true,
  options: [
    valued('--outdir', 'DIR', 'Where the results go; each run makes a subfolder of its own, unless `--nosubdir` is given.', { isRequired: true }),
    valued('--data', 'ZIP|DIR', 'The data set, as dataset_tool.py makes it.', { isRequired: true }),
    valued('--cond', 'BOOL', 'Trains a class-conditional network, with the labels of the data set.', { values: BOOLEANS, default: 'False' }),
    valued('--arch', 'ddpmpp|ncsnpp|adm', 'Architecture of the network: DDPM++, NCSN++ or ADM.', { values: ['ddpmpp', 'ncsnpp', 'adm'], default: 'ddpmpp' }),
    valued('--precond', 'vp|ve|edm', 'Preconditioning and loss function (table 1).', { values: ['vp', 've', 'edm'], default: 'edm' }),
    valued('--duration', 'MIMG', 'Length of the training, in millions of images.', { default: '200' }),
    valued('--batch', 'INT', 'Images of a training step, over all GPUs together.', { default: '512', meaning: 'total-batch' }),
    valued('--batch-gpu', 'INT', 'Most images that a GPU holds at once; with less than its share, gradients are accumulated and the result is the same.'),
    valued('--cbase', 'INT', 'Channels of the network; without it that of the architecture (128, of ADM 192).'),
    valued('--cres', 'LIST', 'Factors on the channels at each resolution; without it those of the architecture. FFHQ and AFHQv2 take `1,2,2,2`.'),
    valued('--lr', 'FLOAT', 'Learning rate.', { default: '0.001' }),
    valued('--ema', 'MIMG', 'Half-life of the moving average of the weights, in millions of images.', { default: '0.5' }),
    valued('--dropout', 'FLOAT', 'Probability of dropout, 0 to 1.', { default: '0.13' }),
    valued('--augment', 'FLOAT', 'Probability of augmentation, 0 to 1; 0 also leaves the augmentation labels out of the network.', { default: '0.12' }),
    valued('--xflip', 'BOOL', 'Adds the mirrored images to the data set.', { values: BOOLEANS, default: 'False' }),
    valued('--fp16', 'BOOL', 'Mixed-precision training.', { values: BOOLEANS, default: 'False' }),
    valued('--ls', 'FLOAT', 'Factor on the loss, against underflow in half precision. The ImageNet-64 network was trained with 100.', { default: '1' }),
    valued('--bench', 'BOOL', 'Lets cuDNN try which algorithms are fastest.', { values: BOOLEANS, default: 'True' }),
    valued('--cache', 'BOOL', 'Keeps the data set in the memory of the node.', { values: BOOLEANS, default: 'True' }),
    valued('--workers', 'INT', 'Processes of each GPU that load images.', { default: '1' }),
    valued('--desc', 'STR', 'Text that becomes part of the name of the result folder.'),
    flag('--nosubdir', 'Writes into `--outdir` itself.'),
    valued('--tick', 'KIMG', 'How often progress is printed, in thousands of images.', { default: '50' }),
    valued('--snap', 'TICKS', 'How often a network is saved (`network-snapshot-*.pkl`), in ticks.', { default: '50' }),
    valued('--dump', 'TICKS', 'How often the state is saved (`training-state-*.pt`), in ticks: more often where the job may end early.', { default: '500' }),
    valued('--seed', 'INT', 'Random seed; without it a random one.'),
    valued('--transfer', 'PKL|URL', 'Begins with the weights of another network.', { meaning: 'network' }),
    valued('--resume', 'PT', 'Continues from a training state; the network of the same time must lie beside it.'),
    flag('--dry-run', 'Prints the options of the training and ends.', { aliases: ['-n'] }),
  ],
}; // prettier-ignore

/** Of dataset_tool.py; EDM2's has subcommands. */
const convertOptions = (transforms: readonly string[]): readonly ProgramOption[] => [
  valued('--source', 'PATH', 'A folder or archive of images, the archives of CIFAR-10 or MNIST, or an LSUN folder.', { isRequired: true }),
  valued('--dest', 'PATH', 'A folder, or a `.zip` file, which is easier on file systems of clusters.', { isRequired: true }),
  valued('--max-images', 'INT', 'Most images that are taken.'),
  valued('--transform', 'MODE', 'How images are cropped and resized; needs `--resolution`.', { values: transforms }),
  valued('--resolution', 'WxH', 'Width and height of the images, such as `64x64`: square, a power of two.'),
]; // prettier-ignore

/** Shared with EDM2: which of the two it is, its options tell. */
const vae: readonly ProgramOption[] = [
  valued('--model-url', 'URL', 'The VAE.', { default: 'stabilityai/sd-vae-ft-mse' }),
  ...convertOptions([]).slice(0, 3),
];

const datasetTool: Program = {
  program: 'dataset_tool.py',
  of: 'EDM',
  help: 'Converts images into a data set for training: an archive of PNG files with their labels.',
  link,
  spelling: 'exact',
  isCommonName: true,
  options: convertOptions(['center-crop', 'center-crop-wide']),
  subcommands: {
    convert: {
      help: "EDM2's: converts images into an archive of PNG files.",
      options: convertOptions(['center-crop', 'center-crop-wide', 'center-crop-dhariwal']),
    },
    encode: { help: "EDM2's: encodes the images of a data set with the VAE.", options: vae },
    decode: { help: "EDM2's: decodes latents with the VAE.", options: vae },
  },
};

const example: Program = {
  program: 'example.py',
  of: 'EDM',
  help: 'Makes an 8x8 grid of images with the best network of each data set. It takes no options.',
  link,
  spelling: 'exact',
  isCommonName: true,
  options: [],
};

/** The programs of EDM. */
export const edmPrograms: readonly Program[] = [generate, fid, train, datasetTool, example];
