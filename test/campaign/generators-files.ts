/**
 * Files for the fault campaign: valid ones with random faults at the places that readers trust (lengths, offsets, counts,
 * operations, types). Whatever a file holds, its reader takes it or refuses it in one line.
 */
import { readFileSync, rmSync } from 'node:fs';
import { decodeImage } from '../../server/images/image-file';
import { pngProblem, readPngHeader } from '../../server/images/png';
import { importModel } from '../../server/models/model-import';
import { networkFacts } from '../../server/models/network-facts';
import { readNpy, readNpz } from '../../server/numpy/npz';
import * as files from './structured-files';
import type { Random } from './structured-bytes';

/** One format. */
export interface FileGenerator {
  name: string;
  /** How the file's name ends, with its dot. */
  suffix: string;
  /** The bytes of one file; the same random numbers give the same bytes. */
  make(random: Random): Uint8Array;
  /**
   * Reads a file as the workbench does.
   * @throws UserError for what it refuses; anything else that is thrown is a crash
   */
  read(file: string): Promise<void>;
}

/** What a check reads of a network, and what an import does. */
async function readNetwork(file: string): Promise<void> {
  const imported = `${file}.imported.onnx`;
  try {
    await networkFacts(file);
    await importModel(file, imported);
  } finally {
    rmSync(imported, { force: true });
  }
}

/** An ONNX file may be a network, or a detector without metadata. */
async function readOnnx(file: string): Promise<void> {
  const imported = `${file}.imported.onnx`;
  try {
    await importModel(file, imported);
  } finally {
    rmSync(imported, { force: true });
    await networkFacts(file);
  }
}

export const FILE_GENERATORS: readonly FileGenerator[] = [
  {
    name: 'pickle',
    suffix: '.pkl',
    make: (random) => files.pickle().mutated(random, files.operations),
    read: readNetwork,
  },
  {
    name: 'torch zip',
    suffix: '.pt',
    make: (random) => files.torchZip(random).mutated(random),
    read: readNetwork,
  },
  {
    name: 'npz',
    suffix: '.npz',
    make: (random) => files.npz(random).mutated(random),
    read: async (file) => void (await readNpz(file)),
  },
  {
    name: 'npy',
    suffix: '.npy',
    make: (random) => files.npy(random).mutated(random),
    read: async (file) => void (await readNpy(file)),
  },
  {
    name: 'PNG',
    suffix: '.png',
    make: (random) => {
      const bytes = files.png(random).mutated(random);
      return random() < 0.3 ? bytes : files.withChecksums(bytes);
    },
    read: (file) =>
      new Promise((resolve) => {
        const bytes = readFileSync(file);
        const header = readPngHeader(bytes.subarray(0, 4096));
        if (header) pngProblem(header, bytes.length);
        decodeImage(bytes, file);
        resolve();
      }),
  },
  {
    name: 'safetensors',
    suffix: '.safetensors',
    make: (random) => files.safetensors(random).mutated(random),
    read: readNetwork,
  },
  {
    name: 'ONNX',
    suffix: '.onnx',
    make: (random) => files.onnx(random).mutated(random, files.protobufs),
    read: readOnnx,
  },
];
