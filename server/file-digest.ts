import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { messageOf, UserError } from './errors';

/**
 * sha256 of a file, hex, streamed.
 * @throws UserError if the file cannot be read
 */
export async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw new UserError(`Cannot read ${file}: ${messageOf(error)}`);
  }
  return hash.digest('hex');
}
