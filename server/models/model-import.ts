import { UserError } from '../errors';
import { fileKind, type FileKind } from '../weights/file-kind';
import { importClassifier, isClassifier } from './classifier-import';
import { importInception, isInception } from './inception-import';
import type { ModelInfo } from './model-info';
import { importNetwork, type ImportOptions } from './network-import';
import { importOnnxDetector } from './onnx-detector-import';

interface Importer {
  accepts(source: string, kind: FileKind): boolean | Promise<boolean>;
  import(source: string, dest: string, options: ImportOptions): Promise<ModelInfo>;
}

const isTorch = (kind: FileKind): boolean => kind === 'pickle' || kind === 'zip';

/** In order; the first that accepts a file imports it. */
const IMPORTERS: readonly Importer[] = [
  { accepts: (_, kind) => kind === 'onnx', import: importOnnxDetector },
  { accepts: async (source, kind) => isTorch(kind) && (await isInception(source)), import: importInception },
  { accepts: (source, kind) => kind === 'safetensors' && isClassifier(source), import: importClassifier },
  { accepts: () => true, import: importNetwork },
];

/**
 * Imports a network or detector, by the content of its file: an EDM network, the FID Inception-v3, a classifier, or an
 * ONNX detector.
 * @param dest the `.onnx` file to write, atomically
 * @throws UserError for a file that is none of these, or that cannot be used
 */
export async function importModel(source: string, dest: string, options: ImportOptions = {}): Promise<ModelInfo> {
  const kind = fileKind(source);
  if (kind) {
    for (const importer of IMPORTERS) {
      if (await importer.accepts(source, kind)) return importer.import(source, dest, options);
    }
  }
  throw new UserError(
    `Cannot import ${source}: give an EDM network (.pkl, .pt, .safetensors), the Inception-v3 weights (.pth, .pt, .pkl) or an ONNX detector`,
  );
}
