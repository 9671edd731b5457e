/** Networks and detectors in their authors' formats, imported when they are first used. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeLeftOvers } from '../atomic-file';
import { cachePath } from '../cache-folder';
import { Claim } from '../claim';
import { CancelledError } from '../errors';
import type { TaskControl } from '../shared/progress';
import { fileDigest } from '../file-digest';
import { readModelInfo } from '../models/model-file';
import { checkAccepted } from '../models/network-acceptance';
import { fileKind } from '../weights/file-kind';
import { compute } from './compute-process';

/** Part of the file names in the cache. Raise it whenever an importer writes another graph or other metadata. */
export const IMPORT_VERSION = 4;
/** Milliseconds between two looks whether another process has finished its import. */
const POLL = 500;

/**
 * The ONNX file of a model in any form: an ONNX file as it is, everything else imported into the user's cache under the
 * sha256 of its content. If several processes ask at once, one of them imports.
 * @param name the source's name for messages and metadata; a downloaded file's path does not have it
 * @param accept sha256 of the file whose code somebody has read and takes for EDM's
 * @throws UserError as importModel; CancelledError
 */
export async function importedModel(
  source: string,
  name: string,
  control: TaskControl = {},
  accept?: string,
): Promise<string> {
  if (isOnnx(source)) {
    if (accept !== undefined) checkAccepted(accept, (await readModelInfo(source)).source_sha256, source);
    return source;
  }
  const { onProgress, signal } = control;
  onProgress?.({ phase: `Reading ${name}`, done: 0, total: 1 });
  const digest = await fileDigest(source);
  checkAccepted(accept, digest, source);
  const key = `${digest}-v${IMPORT_VERSION}${accept === undefined ? '' : '-accepted'}`;
  const folder = cachePath('models');
  const dest = path.join(folder, `${key}.onnx`);
  for (;;) {
    if (existsSync(dest)) return dest;
    if (signal?.aborted) throw new CancelledError();
    await mkdir(folder, { recursive: true });
    const claim = await Claim.take(folder, key);
    if (!claim) {
      onProgress?.({ phase: 'Waiting for an import in another process', done: 0, total: 1, note: name });
      await sleep(POLL);
      continue;
    }
    try {
      await removeLeftOvers(folder);
      if (!existsSync(dest)) await compute({ kind: 'import', source, dest, name, accept }, onProgress, signal);
      return dest;
    } finally {
      await claim.release();
    }
  }
}

/** Whether a file is an ONNX model, by its first byte. @throws UserError if it cannot be read */
export function isOnnx(source: string): boolean {
  return fileKind(source) === 'onnx';
}
