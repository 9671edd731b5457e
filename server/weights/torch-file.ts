import { ByteCursor } from './byte-cursor';
import type { Limits } from './budget';
import { type ByteSource, SourceFile } from './source-file';
import { TorchReader } from './torch-objects';
import { readTorchZip } from './torch-zip';

/**
 * Reads a file in any of torch's containers, or a pickle; it stays open for what `make` returns.
 * @throws UserError for a file that is cut off, malformed, or costs more than `limits`
 */
export async function openTorchFile<T>(
  path: string,
  limits: Limits,
  make: (file: SourceFile, root: unknown) => T | Promise<T>,
): Promise<T> {
  const file = new SourceFile(path, limits);
  try {
    const reader = new TorchReader(file);
    const root = isArchive(file) ? await readTorchZip(file, reader) : reader.read(new ByteCursor(file, 0, file.size));
    return await make(file, root);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Whether something is a zip archive, by its first bytes. */
export function isArchive(source: ByteSource): boolean {
  return source.size >= 4 && new TextDecoder().decode(source.read(0, 4)) === 'PK\x03\x04';
}
