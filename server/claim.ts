/**
 * Sharing work among several processes, on one machine or on many with a shared file system: the process that creates the
 * next file has the claim. Creating a file that must not exist is atomic on local disks and on NFS.
 */
import { link, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { isCode } from './errors';
import { removeFile } from './held-file';

/** This machine's name, as used in file names. */
export const HOST = hostname().replace(/[^A-Za-z0-9-]/g, '-') || 'host';

/** Milliseconds between two renewals of a claim. */
const BEAT = 30_000;
/** Milliseconds without a renewal after which a claim has expired, whichever machine its owner runs on. */
const LEASE = 10 * BEAT;

/**
 * A claim to a piece of work. Its files are `.<name>.<generation>.claim`. The claim of a dead process is not removed, but
 * replaced by the next generation, so that only one of several processes that notice gets the work.
 */
export class Claim {
  private readonly beat: NodeJS.Timeout;

  private constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly generation: number,
  ) {
    const file = this.fileOf(generation);
    // Written anew, as the file server's clock dates the file. One renewal may fail: a claim lasts for ten.
    this.beat = setInterval(() => void writeFile(file, OWNER).catch(() => undefined), BEAT).unref();
  }

  /**
   * Claims `name` in `folder` (created if missing). Check afterwards whether the work is still to be done.
   * @param name letters, digits, dashes and underscores
   * @returns undefined while a live process holds it
   */
  static async take(folder: string, name: string): Promise<Claim | undefined> {
    try {
      await mkdir(folder, { recursive: true });
      const held = await generations(folder, name);
      const last = held[held.length - 1];
      if (last !== undefined && (await isHeld(claimFile(folder, name, last)))) return undefined;
      const next = (last ?? -1) + 1;
      const file = claimFile(folder, name, next);
      await create(file);
      // A claim that was released since the list was read makes another number free: two could hold one each.
      for (const other of await generations(folder, name)) {
        if (other === next || !(await isHeld(claimFile(folder, name, other)))) continue;
        await removeFile(file);
        return undefined;
      }
      return new Claim(folder, name, next);
    } catch (error) {
      // Another process was faster, or has just removed the empty folder: the caller tries again.
      if (isCode(error, 'EEXIST') || isCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Releases the claim, whether the work is done or not. Later generations belong to other processes and stay. */
  async release(): Promise<void> {
    clearInterval(this.beat);
    for (const generation of await generations(this.folder, this.name)) {
      if (generation <= this.generation) await removeFile(this.fileOf(generation));
    }
  }

  private fileOf(generation: number): string {
    return claimFile(this.folder, this.name, generation);
  }
}

const OWNER = `${HOST} ${process.pid}\n`;

let parts = 0;

/**
 * Makes a claim together with its owner's name: of a process that is killed in between, nobody would know for minutes that
 * it is gone.
 * @throws Error with code EEXIST where the claim is taken
 */
async function create(claim: string): Promise<void> {
  // Named like other temporary files, so that those of killed processes are found and removed.
  const part = `${claim}.${++parts}.${HOST}.${process.pid}.part`;
  try {
    await writeFile(part, OWNER, { flag: 'wx' });
    await link(part, claim).catch((error: unknown) => {
      if (isCode(error, 'EEXIST')) throw error;
      // Not every file system has hard links.
      return writeFile(claim, OWNER, { flag: 'wx' });
    });
  } finally {
    await removeFile(part);
  }
}

function claimFile(folder: string, name: string, generation: number): string {
  return path.join(folder, `.${name}.${generation}.claim`);
}

async function generations(folder: string, name: string): Promise<number[]> {
  const found = (await readdir(folder)).flatMap((file) => {
    const number = file.startsWith(`.${name}.`) ? /^(\d+)\.claim$/.exec(file.slice(name.length + 2))?.[1] : undefined;
    return number === undefined ? [] : [Number(number)];
  });
  return found.sort((a, b) => a - b);
}

/** Whether the owner of a claim is alive, as far as this machine can tell. */
async function isHeld(file: string): Promise<boolean> {
  try {
    const [host, pid] = (await readFile(file, 'utf8')).split(' ');
    if (host === HOST && !isAlive(Number(pid))) return false;
    return Date.now() - (await stat(file)).mtimeMs < LEASE;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Whether a process of this machine is running. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}
