import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { UserError } from './errors';
import { checkRegular } from './regular-file';
import { reasonOf } from './system-error';

/**
 * sha256 of a file, hex, streamed.
 * @throws UserError if the file cannot be read or is not a regular file
 */
export async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    checkRegular(await stat(file), file);
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot read ${file}: ${reasonOf(error, 'read')}`);
  }
  return hash.digest('hex');
}
