/** The convolutions of the Inception-v3 of 2015-12-05, and what other programs call them. */

/** A convolution with its batch normalisation. */
export interface InceptionUnit {
  /** As pytorch-fid and torch-fidelity name it. */
  readonly name: string;
  /** Its module in NVIDIA's TorchScript translation, which keeps the names of the TensorFlow graph. */
  readonly scripted: string;
  /** Filters. */
  readonly out: number;
  /** Height and width of a filter. */
  readonly kernel: readonly [number, number];
}

/** Name, NVIDIA's name, filters, height and width. */
type Row = readonly [name: string, scripted: string, out: number, height: number, width: number];

const STEM: readonly Row[] = [
  ['Conv2d_1a_3x3', 'conv', 32, 3, 3],
  ['Conv2d_2a_3x3', 'conv_1', 32, 3, 3],
  ['Conv2d_2b_3x3', 'conv_2', 64, 3, 3],
  ['Conv2d_3b_1x1', 'conv_3', 80, 1, 1],
  ['Conv2d_4a_3x3', 'conv_4', 192, 3, 3],
];

const blockA = (pool: number): readonly Row[] => [
  ['branch1x1', 'conv', 64, 1, 1],
  ['branch5x5_1', 'tower.conv', 48, 1, 1],
  ['branch5x5_2', 'tower.conv_1', 64, 5, 5],
  ['branch3x3dbl_1', 'tower_1.conv', 64, 1, 1],
  ['branch3x3dbl_2', 'tower_1.conv_1', 96, 3, 3],
  ['branch3x3dbl_3', 'tower_1.conv_2', 96, 3, 3],
  ['branch_pool', 'tower_2.conv', pool, 1, 1],
];

const BLOCK_B: readonly Row[] = [
  ['branch3x3', 'conv', 384, 3, 3],
  ['branch3x3dbl_1', 'tower.conv', 64, 1, 1],
  ['branch3x3dbl_2', 'tower.conv_1', 96, 3, 3],
  ['branch3x3dbl_3', 'tower.conv_2', 96, 3, 3],
];

const blockC = (inner: number): readonly Row[] => [
  ['branch1x1', 'conv', 192, 1, 1],
  ['branch7x7_1', 'tower.conv', inner, 1, 1],
  ['branch7x7_2', 'tower.conv_1', inner, 1, 7],
  ['branch7x7_3', 'tower.conv_2', 192, 7, 1],
  ['branch7x7dbl_1', 'tower_1.conv', inner, 1, 1],
  ['branch7x7dbl_2', 'tower_1.conv_1', inner, 7, 1],
  ['branch7x7dbl_3', 'tower_1.conv_2', inner, 1, 7],
  ['branch7x7dbl_4', 'tower_1.conv_3', inner, 7, 1],
  ['branch7x7dbl_5', 'tower_1.conv_4', 192, 1, 7],
  ['branch_pool', 'tower_2.conv', 192, 1, 1],
];

const BLOCK_D: readonly Row[] = [
  ['branch3x3_1', 'tower.conv', 192, 1, 1],
  ['branch3x3_2', 'tower.conv_1', 320, 3, 3],
  ['branch7x7x3_1', 'tower_1.conv', 192, 1, 1],
  ['branch7x7x3_2', 'tower_1.conv_1', 192, 1, 7],
  ['branch7x7x3_3', 'tower_1.conv_2', 192, 7, 1],
  ['branch7x7x3_4', 'tower_1.conv_3', 192, 3, 3],
];

const BLOCK_E: readonly Row[] = [
  ['branch1x1', 'conv', 320, 1, 1],
  ['branch3x3_1', 'tower_conv', 384, 1, 1],
  ['branch3x3_2a', 'tower_mixed_conv', 384, 1, 3],
  ['branch3x3_2b', 'tower_mixed_conv_1', 384, 3, 1],
  ['branch3x3dbl_1', 'tower_1_conv', 448, 1, 1],
  ['branch3x3dbl_2', 'tower_1_conv_1', 384, 3, 3],
  ['branch3x3dbl_3a', 'tower_1_mixed_conv', 384, 1, 3],
  ['branch3x3dbl_3b', 'tower_1_mixed_conv_1', 384, 3, 1],
  ['branch_pool', 'tower_2_conv', 192, 1, 1],
];

const BLOCKS: readonly (readonly [name: string, scripted: string, rows: readonly Row[]])[] = [
  ['', '', STEM],
  ['Mixed_5b.', 'mixed.', blockA(32)],
  ['Mixed_5c.', 'mixed_1.', blockA(64)],
  ['Mixed_5d.', 'mixed_2.', blockA(64)],
  ['Mixed_6a.', 'mixed_3.', BLOCK_B],
  ['Mixed_6b.', 'mixed_4.', blockC(128)],
  ['Mixed_6c.', 'mixed_5.', blockC(160)],
  ['Mixed_6d.', 'mixed_6.', blockC(160)],
  ['Mixed_6e.', 'mixed_7.', blockC(192)],
  ['Mixed_7a.', 'mixed_8.', BLOCK_D],
  ['Mixed_7b.', 'mixed_9.', BLOCK_E],
  ['Mixed_7c.', 'mixed_10.', BLOCK_E],
];

/**
 * All 94. Sources: pytorch-fid's inception.py; for NVIDIA's names torch-fidelity's table of the TensorFlow graph's names and
 * published listings of the TorchScript's modules, which agree. The file itself was not at hand.
 */
export const INCEPTION_UNITS: readonly InceptionUnit[] = BLOCKS.flatMap(([block, scriptedBlock, rows]) =>
  rows.map(([name, scripted, out, height, width]) => ({
    name: block + name,
    scripted: `layers.${scriptedBlock}${scripted}`,
    out,
    kernel: [height, width] as const,
  })),
);
