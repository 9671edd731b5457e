/** Features of a measurement under way, so that one that was interrupted goes on where it stopped. */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Claim } from '../claim';
import { statedIdentity } from '../detector-identity';
import { DIGEST_BYTES as DIGEST } from '../images/image-set';
import type { DetectorIdentity } from './detector';
import { removeFile } from '../held-file';

/** Bytes of the checksum of an image's features. */
const CHECKSUM = 4;
/** Days after which the features of a measurement that nobody continued are removed. */
const DAYS = 14;
const EXTENSION = '.features';

/**
 * A file of features by the content of their images: it does not matter where an image lies in a set that changed meanwhile.
 * A record is the digest of the image, the checksum of the features and the features; one that was cut off does not count.
 */
export class FeatureJournal {
  private readonly records = new Map<string, number>();
  private count = 0;
  private isUsable = true;

  private constructor(
    /** To be removed once its features are not needed any more. */
    readonly path: string,
    private readonly dimension: number,
    private readonly file: FileHandle,
    private readonly claim: Claim,
  ) {}

  /**
   * @param folder where such files are kept
   * @param measurement what tells it from others of the same detector
   * @returns undefined where another process measures the same, or the folder cannot be written
   */
  static async open(
    folder: string,
    detector: DetectorIdentity,
    measurement: Readonly<Record<string, unknown>>,
  ): Promise<FeatureJournal | undefined> {
    const { sha256, dimension } = detector;
    const what = JSON.stringify({ detector: statedIdentity(detector) ?? sha256, dimension, ...measurement });
    const name = createHash('sha256').update(what).digest('hex').slice(0, 32);
    let claim: Claim | undefined;
    try {
      await mkdir(folder, { recursive: true });
      await removeOld(folder);
      claim = await Claim.take(folder, name);
      if (!claim) return undefined;
      const path = join(folder, `${name}${EXTENSION}`);
      const journal = new FeatureJournal(path, dimension, await open(path, 'a+'), claim);
      await journal.readDigests();
      return journal;
    } catch {
      // Only continuing depends on it.
      await claim?.release().catch(() => undefined);
      return undefined;
    }
  }

  /** Images whose features are kept. */
  get num(): number {
    return this.isUsable ? this.records.size : 0;
  }

  /** The features of an image; undefined if they are not there, or are damaged. @param digest hex */
  async find(digest: string): Promise<Float32Array | undefined> {
    const at = this.records.get(digest);
    if (at === undefined || !this.isUsable) return undefined;
    const bytes = new Uint8Array(CHECKSUM + 4 * this.dimension);
    const { bytesRead } = await this.file.read(bytes, 0, bytes.length, at * this.recordBytes + DIGEST);
    const values = bytes.slice(CHECKSUM);
    const isWhole = bytesRead === bytes.length && crc32(values) === new DataView(bytes.buffer).getUint32(0, true);
    return isWhole ? new Float32Array(values.buffer) : undefined;
  }

  /** Adds the features of images. A disk that is full costs the continuation only. @param digests hex, one an image */
  async add(digests: readonly string[], features: Float32Array): Promise<void> {
    if (!this.isUsable) return;
    const { dimension: d, recordBytes } = this;
    const bytes = Buffer.alloc(digests.length * recordBytes);
    for (const [i, digest] of digests.entries()) {
      const values = Buffer.from(features.slice(i * d, (i + 1) * d).buffer);
      bytes.write(digest, i * recordBytes, 'hex');
      bytes.writeUInt32LE(crc32(values), i * recordBytes + DIGEST);
      values.copy(bytes, i * recordBytes + DIGEST + CHECKSUM);
    }
    try {
      await this.file.appendFile(bytes);
      for (const digest of digests) this.records.set(digest, this.count++);
    } catch {
      this.isUsable = false;
    }
  }

  /** The file stays, for whoever continues. */
  async close(): Promise<void> {
    await this.file.close();
    if (!this.isUsable) await removeFile(this.path);
    await this.claim.release();
  }

  private get recordBytes(): number {
    return DIGEST + CHECKSUM + 4 * this.dimension;
  }

  private async readDigests(): Promise<void> {
    const { size } = await this.file.stat();
    this.count = Math.floor(size / this.recordBytes);
    // A part of a record, of a process that was killed, would shift all that follow.
    if (this.count * this.recordBytes < size) await this.file.truncate(this.count * this.recordBytes);
    const digest = Buffer.alloc(DIGEST);
    for (let i = 0; i < this.count; i++) {
      await this.file.read(digest, 0, DIGEST, i * this.recordBytes);
      this.records.set(digest.toString('hex'), i);
    }
  }
}

async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(EXTENSION)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > DAYS * 24 * 3600 * 1000) await removeFile(path);
  }
}
