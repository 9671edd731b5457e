/** The programs of NVlabs/edm2 and their options. */
import { EDM2_PRESETS, EDM2_TRAINING_PRESETS } from '../../published/edm2-presets';
import { churnOptions, imageOptions, measureOptions } from './edm-programs';
import { flag, valued, type Program, type ProgramOption } from './program-option';

const link = 'https://github.com/NVlabs/edm2';
const BOOLEANS = ['True', 'False'] as const;

const network = (isRequired: boolean): ProgramOption =>
  valued('--net', 'PATH|URL', 'The network, as a pickle. An address is downloaded once into `~/.cache/dnnlib`.', { isRequired, meaning: 'network' }); // prettier-ignore
const reference = valued('--ref', 'PKL|NPZ|URL', "Reference statistics of the data set that the network was trained on. The authors' are at `https://nvlabs-fi-cdn.nvidia.com/edm2/dataset-refs/`; an `.npz` file counts for FID only.", { isRequired: true, meaning: 'reference' }); // prettier-ignore
const metrics = valued('--metrics', 'LIST', 'What is measured: `fid`, `fd_dinov2`, or both.', {
  values: ['fid', 'fd_dinov2', 'fid,fd_dinov2'],
  default: 'fid,fd_dinov2',
});
const workers = valued('--workers', 'INT', 'Processes that load images.', { default: '2' });
const batch = (count: string): ProgramOption =>
  valued('--batch', 'INT', 'Most images that a process evaluates together.', { default: count });

const generateImages: Program = {
  program: 'generate_images.py',
  of: 'EDM2',
  help: 'Makes images with a network, possibly guided by another one.',
  link,
  spelling: 'exact',
  options: [
    valued('--preset', 'STR', "A network with its guidance, as in the paper's tables. It fills in only what is not given.", { values: [...EDM2_PRESETS.keys()], meaning: 'preset' }),
    network(false),
    valued('--gnet', 'PATH|URL', 'The network that guides: an unconditional one (classifier-free guidance), or a smaller or less trained one (autoguidance). Unused with a guidance of 1.', { meaning: 'network' }),
    ...imageOptions('16-19', '32'),
    valued('--steps', 'INT', 'Number of sampling steps N.', { default: '32', meaning: 'steps' }),
    valued('--sigma_min', 'FLOAT', 'Lowest noise level.', { default: '0.002' }),
    valued('--sigma_max', 'FLOAT', 'Highest noise level.', { default: '80' }),
    ...churnOptions.slice(0, 1),
    valued('--guidance', 'FLOAT', 'Strength of the guidance; 1 is none. Any other value needs `--gnet` and evaluates both networks.', { default: '1' }),
    ...churnOptions.slice(1),
  ],
}; // prettier-ignore

const calculateMetrics: Program = {
  program: 'calculate_metrics.py',
  of: 'EDM2',
  help: 'Computes FID and FD_DINOv2.',
  link,
  spelling: 'exact',
  options: [],
  subcommands: {
    calc: {
      help: 'The metrics of a folder of images against reference statistics.',
      options: [...measureOptions.slice(0, 1), reference, metrics, ...measureOptions.slice(1), batch('64'), workers],
    },
    gen: {
      help: 'The metrics of a network with the default sampler; the images are made on the way and not kept.',
      options: [
        network(true),
        reference,
        metrics,
        valued('--num', 'INT', 'Images that are made and measured. Published values are over 50,000.', { default: '50000' }),
        valued('--seed', 'INT', 'Seed of the first image; the others follow it.', { default: '0' }),
        batch('32'),
      ],
    },
    ref: {
      help: 'Reference statistics of a data set, over all of its images.',
      options: [
        valued('--data', 'PATH|ZIP', 'The data set: a folder or a ZIP archive of RGB images, not of latents.', { isRequired: true }),
        valued('--dest', 'PKL', 'The file that is written.', { isRequired: true }),
        metrics,
        batch('64'),
        workers,
      ],
    },
  },
}; // prettier-ignore

const reconstructPhema: Program = {
  program: 'reconstruct_phema.py',
  of: 'EDM2',
  help: 'Reconstructs networks with other lengths of the moving average from the snapshots of a training.',
  link,
  spelling: 'exact',
  options: [
    valued('--indir', 'DIR', 'Folder of the snapshots.', { isRequired: true }),
    valued('--inprefix', 'STR', 'Takes only the snapshots whose names begin so.'),
    valued('--instd', 'LIST', 'Takes only the snapshots of these relative standard deviations.'),
    valued('--outdir', 'DIR', 'Folder of the reconstructed networks.', { isRequired: true }),
    valued('--outprefix', 'STR', 'What the names of the networks begin with.', { default: 'phema' }),
    valued('--outstd', 'LIST', 'Relative standard deviations that are wanted, such as `0.050,0.150`; `0.010,0.015,...,0.250` is a series.', { isRequired: true }),
    valued('--outkimg', 'KIMG', 'Time of the training, in thousands of images; without it the last one.'),
    flag('--skip', 'Leaves out files that are there.'),
    valued('--batch', 'INT', 'Networks that are reconstructed at the same time: memory for each, but fewer readings of the snapshots.', { default: '8' }),
  ],
}; // prettier-ignore

const trainEdm2: Program = {
  program: 'train_edm2.py',
  of: 'EDM2',
  help: 'Trains a network. Run again with the same options, it goes on where it was.',
  link,
  spelling: 'exact',
  options: [
    valued('--outdir', 'DIR', 'Folder of the results; a training that is there is continued.', { isRequired: true }),
    valued('--data', 'ZIP|DIR', 'The data set: latents for ImageNet-512, images for ImageNet-64.', { isRequired: true }),
    valued('--cond', 'BOOL', 'Trains a class-conditional network.', { values: BOOLEANS, default: 'True' }),
    valued('--preset', 'STR', "Hyperparameters of the paper's networks. It fills in only what is not given.", { values: [...EDM2_TRAINING_PRESETS.keys()], default: 'edm2-img512-s', meaning: 'training-preset' }),
    valued('--duration', 'NIMG', 'Length of the training in images; `Ki`, `Mi` and `Gi` are 2^10, 2^20 and 2^30.'),
    valued('--batch', 'NIMG', 'Images of a training step, over all GPUs together.', { meaning: 'total-batch' }),
    valued('--channels', 'INT', 'Channels of the network.'),
    valued('--dropout', 'FLOAT', 'Probability of dropout, 0 to 1.'),
    valued('--P_mean', 'FLOAT', 'Mean of ln(sigma) in training.'),
    valued('--P_std', 'FLOAT', 'Standard deviation of ln(sigma) in training.'),
    valued('--lr', 'FLOAT', 'Highest learning rate (alpha_ref).'),
    valued('--decay', 'BATCHES', 'Steps after which the learning rate decays (t_ref).'),
    valued('--batch-gpu', 'NIMG', 'Most images that a GPU holds at once; with less than its share, gradients are accumulated and the result is the same.', { default: '0' }),
    valued('--fp16', 'BOOL', 'Mixed-precision training.', { values: BOOLEANS, default: 'True' }),
    valued('--ls', 'FLOAT', 'Factor on the loss.', { default: '1' }),
    valued('--bench', 'BOOL', 'Lets cuDNN try which algorithms are fastest.', { values: BOOLEANS, default: 'True' }),
    valued('--status', 'NIMG', 'Images between two lines of the log.', { default: '128Ki' }),
    valued('--snapshot', 'NIMG', 'Images between two saved networks; post-hoc EMA reads all of them.', { default: '8Mi' }),
    valued('--checkpoint', 'NIMG', 'Images between two saved states, from which a job that was ended goes on.', { default: '128Mi' }),
    valued('--seed', 'INT', 'Random seed.', { default: '0' }),
    flag('--dry-run', 'Prints the options of the training and ends.', { aliases: ['-n'] }),
  ],
}; // prettier-ignore

const countFlops: Program = {
  program: 'count_flops.py',
  of: 'EDM2',
  help: 'Counts the operations of a network, whose file or address is its only argument.',
  link,
  spelling: 'exact',
  options: [],
};

/** The programs of EDM2; dataset_tool.py is with EDM's. */
export const edm2Programs: readonly Program[] = [
  generateImages,
  calculateMetrics,
  reconstructPhema,
  trainEdm2,
  countFlops,
];
