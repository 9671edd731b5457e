/** Networks and detectors as their authors publish them, imported when they are first used. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeLeftOvers } from '../atomic-file';
import { cachePath } from '../cache-folder';
import { Claim } from '../claim';
import { CancelledError } from '../errors';
import type { TaskControl } from '../shared/progress';
import { compute } from './compute-process';
import { fileDigest } from '../file-digest';
import { SourceFile } from '../weights/source-file';

/** Part of the cache's file names: raise it whenever an importer writes another graph or other metadata. */
export const IMPORT_VERSION = 3;
/** How often it is looked whether another process has finished an import, in ms. */
const POLL = 500;

/**
 * The ONNX file of a model in any form: an ONNX file as it is, everything else imported into the user's cache under the
 * sha256 of its content, by one process where several ask at once.
 * @param name what the source is called, where its path does not say (a downloaded file)
 * @throws UserError as importModel; CancelledError
 */
export async function importedModel(source: string, name: string, control: TaskControl = {}): Promise<string> {
  if (isOnnx(source)) return source;
  const { onProgress, signal } = control;
  onProgress?.({ phase: `Reading ${name}`, done: 0, total: 1 });
  const key = `${await fileDigest(source)}-v${IMPORT_VERSION}`;
  const folder = cachePath('models');
  const dest = path.join(folder, `${key}.onnx`);
  for (;;) {
    if (existsSync(dest)) return dest;
    if (signal?.aborted) throw new CancelledError();
    await mkdir(folder, { recursive: true });
    const claim = await Claim.take(folder, key);
    if (!claim) {
      onProgress?.({ phase: 'Waiting for another process that imports', done: 0, total: 1, note: name });
      await sleep(POLL);
      continue;
    }
    try {
      await removeLeftOvers(folder);
      if (!existsSync(dest)) await compute({ kind: 'import', source, dest, name }, onProgress, signal);
      return dest;
    } finally {
      await claim.release();
    }
  }
}

/** ModelProto begins with its ir_version: field 1, a varint. No pickle, zip or safetensors file does. */
export function isOnnx(source: string): boolean {
  const file = new SourceFile(source);
  try {
    return file.size > 0 && file.read(0, 1)[0] === 0x08;
  } finally {
    file.close();
  }
}
