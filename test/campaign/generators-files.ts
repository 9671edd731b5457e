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
import type { Reader } from './reader';

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

export const FILE_GENERATORS: readonly Reader[] = [
  {
    name: 'pickle',
    make: (random) => files.pickle().mutated(random, files.operations),
    read: readNetwork,
  },
  {
    name: 'torch-zip',
    make: (random) => files.torchZip(random).mutated(random),
    read: readNetwork,
  },
  {
    name: 'npz',
    make: (random) => files.npz(random).mutated(random),
    read: async (file) => void (await readNpz(file)),
  },
  {
    name: 'npy',
    make: (random) => files.npy(random).mutated(random),
    read: async (file) => void (await readNpy(file)),
  },
  {
    name: 'png',
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
    // The only format that is known by its name.
    suffix: '.safetensors',
    make: (random) => files.safetensors(random).mutated(random),
    read: readNetwork,
  },
  {
    name: 'onnx',
    make: (random) => files.onnx(random).mutated(random, files.protobufs),
    read: readOnnx,
  },
];
