import { type FileHandle, mkdtemp, open } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { reasonOf } from '../system-error';
import { removeTree } from '../held-file';

/** Feature vectors that are read at a time. */
const ROWS = 1000;

/**
 * Feature vectors that are needed a second time, once their mean and covariance are known, in a temporary file: memory does
 * not grow with their number (50,000 of 2048 take 0.4 GB on the disk). A disk that is full costs the second pass only.
 */
export class FeatureFile {
  /** Why it cannot be used; undefined while it can. */
  problem: string | undefined;
  private written = 0;

  private constructor(
    private readonly dimension: number,
    private readonly folder: string,
    private readonly file: FileHandle | undefined,
  ) {}

  static async create(dimension: number): Promise<FeatureFile> {
    try {
      const folder = await mkdtemp(join(os.tmpdir(), 'edm-workbench-features-'));
      return new FeatureFile(dimension, folder, await open(join(folder, 'features'), 'w+'));
    } catch (error) {
      const none = new FeatureFile(dimension, '', undefined);
      none.problem = reasonOf(error, 'write');
      return none;
    }
  }

  /** Adds whole vectors. */
  async add(features: Float32Array): Promise<void> {
    if (!this.file || this.problem !== undefined) return;
    try {
      const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
      for (let at = 0; at < bytes.length;) {
        at += (await this.file.write(bytes, at, bytes.length - at, this.written + at)).bytesWritten;
      }
      this.written += bytes.length;
    } catch (error) {
      this.problem = reasonOf(error, 'write');
    }
  }

  /** All vectors in order, some at a time. @throws Error if they cannot be read back */
  async *rows(): AsyncGenerator<{ features: Float32Array; count: number }> {
    const size = this.dimension * 4;
    for (let at = 0; this.file && at < this.written; at += ROWS * size) {
      const bytes = new Uint8Array(Math.min(ROWS * size, this.written - at));
      for (let read = 0; read < bytes.length;) {
        const { bytesRead } = await this.file.read(bytes, read, bytes.length - read, at + read);
        if (bytesRead === 0) throw new Error('The temporary file of features became shorter');
        read += bytesRead;
      }
      yield { features: new Float32Array(bytes.buffer), count: bytes.length / size };
    }
  }

  async close(): Promise<void> {
    await this.file?.close();
    if (this.folder) await removeTree(this.folder);
  }
}
