import { open } from 'node:fs/promises';
import { messageOf, UserError } from '../errors';
import { importClassifier, isClassifier } from './classifier-import';
import { importNetwork, type ImportOptions } from './network-import';
import { importInception } from './inception-graph';
import { importOnnxDetector } from './onnx-detector-import';
import type { ModelInfo } from './model-info';
import { isStateDict } from '../weights/network-pickle';

interface Importer {
  /** @param start the first bytes of the file */
  accepts(source: string, start: Uint8Array): boolean | Promise<boolean>;
  import(source: string, dest: string, options: ImportOptions): Promise<ModelInfo>;
}

const isTorch = (start: Uint8Array): boolean =>
  (start[0] === 0x80 && start[1] >= 2 && start[1] <= 5) || (start[0] === 0x50 && start[1] === 0x4b);

/** The first that accepts a file by its content imports it. */
const IMPORTERS: readonly Importer[] = [
  // ModelProto begins with its ir_version: field 1, a varint.
  { accepts: (_, start) => start[0] === 0x08, import: importOnnxDetector },
  { accepts: async (source, start) => isTorch(start) && (await isStateDict(source)), import: importInception },
  { accepts: (source, start) => start[8] === 0x7b && isClassifier(source), import: importClassifier },
  { accepts: (_, start) => isTorch(start) || start[8] === 0x7b, import: importNetwork },
];

/**
 * Imports whatever the file holds: an EDM network, the FID Inception-v3, a classifier, or an ONNX detector.
 * @param dest the `.onnx` file to write, atomically
 * @throws UserError for a file that is none of these, or that cannot be used
 */
export async function importModel(source: string, dest: string, options: ImportOptions = {}): Promise<ModelInfo> {
  const start = await firstBytes(source);
  for (const importer of IMPORTERS) {
    if (await importer.accepts(source, start)) return importer.import(source, dest, options);
  }
  throw new UserError(
    `${source} is nothing that can be imported: give an EDM network (.pkl, .pt, .safetensors), the Inception-v3 weights (.pth) or an ONNX detector`,
  );
}

async function firstBytes(source: string): Promise<Uint8Array> {
  try {
    const file = await open(source);
    try {
      const { buffer } = await file.read(new Uint8Array(9), 0, 9, 0);
      return buffer;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UserError(`Cannot read ${source}: ${messageOf(error)}`);
  }
}
