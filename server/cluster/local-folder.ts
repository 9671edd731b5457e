/** What is kept beside clusters.yaml, on this machine only: snapshots of clusters, and submissions under way. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, UserError } from '../errors';
import { removeFile } from '../held-file';
import { writeAtomically } from '../atomic-file';
import { Claim } from '../claim';
import { demandUnlinked } from '../containment';
import { makeStateFolder } from '../ignored-folder';
import type { ClusterSnapshot } from '../shared/protocol';
import { readRegularFile } from '../regular-file';
import { validator } from '../schema';

/** A submission that has begun; its file is removed when the outcome is known. */
export interface PendingSubmission {
  token: string;
  cluster: string;
  /** Name of the script, for people. */
  script: string;
  /** ISO 8601. */
  begun: string;
}

/** The largest file that is read, in bytes: a snapshot names every node. */
const LARGEST = 64 << 20;

const SUBMISSION = '.submission.json';
const fileOf = (token: string): string => `${token}${SUBMISSION}`;

const checkSnapshot = validator<ClusterSnapshot>('cluster-snapshot');

/** `.edm-workbench/local/` of a workspace folder: git ignores all of it. */
export class LocalFolder {
  private readonly folder: string;

  constructor(private readonly workspace: string) {
    this.folder = path.join(workspace, '.edm-workbench', 'local');
  }

  /** The last snapshot of a cluster; undefined if there is none, or none that this version can read. */
  async snapshot(cluster: string): Promise<ClusterSnapshot | undefined> {
    const value = await this.read(`${cluster}.snapshot.json`);
    const checked = checkSnapshot(value);
    return checked.valid ? checked.value : undefined;
  }

  async keepSnapshot(cluster: string, snapshot: ClusterSnapshot): Promise<void> {
    await this.write(`${cluster}.snapshot.json`, snapshot);
  }

  /**
   * Notes a submission before it is made. Its claim says that this process is alive and knows what becomes of it: nobody
   * else settles it.
   * @returns the claim, to be released once the outcome is noted, or the process gives the submission up
   * @throws UserError
   */
  async begin(submission: PendingSubmission): Promise<Claim> {
    const { token } = submission;
    await this.prepare(token);
    const claim = await Claim.take(this.folder, token);
    if (!claim) throw new UserError(`Cannot note submission ${token} in ${this.folder}: try again`, 1);
    try {
      await this.write(fileOf(token), submission);
      return claim;
    } catch (error) {
      await claim.release();
      throw error;
    }
  }

  /** Takes over a submission whose process has ended; undefined where it is alive, or another process settles it. */
  async takeOver(token: string): Promise<Claim | undefined> {
    const claim = await Claim.take(this.folder, token);
    // Settled since the list of submissions was read.
    if (!claim || (await this.read(fileOf(token))) !== undefined) return claim;
    await claim.release();
    return undefined;
  }

  async settled(token: string): Promise<void> {
    await removeFile(path.join(this.folder, fileOf(token)));
  }

  /** Submissions whose outcome nobody has seen, oldest first. */
  async pending(cluster: string): Promise<PendingSubmission[]> {
    const names = await readdir(this.folder).catch(() => []);
    const files = names.filter((name) => name.endsWith(SUBMISSION));
    const read = await Promise.all(files.map((name) => this.read(name)));
    return read
      .filter(isSubmission)
      .filter((one) => one.cluster === cluster)
      .sort((a, b) => a.begun.localeCompare(b.begun));
  }

  private async read(name: string): Promise<unknown> {
    try {
      return JSON.parse(String(await readRegularFile(path.join(this.folder, name), { atMost: LARGEST })));
    } catch {
      return undefined; // not there, or cut short by a crash of an older version
    }
  }

  private async prepare(name: string): Promise<void> {
    try {
      await demandUnlinked(this.workspace, this.folder);
      await makeStateFolder(this.folder);
    } catch (error) {
      throw new UserError(`Cannot write ${path.join(this.folder, name)}: ${messageOf(error)}`);
    }
  }

  private async write(name: string, value: unknown): Promise<void> {
    await this.prepare(name);
    try {
      await writeAtomically(path.join(this.folder, name), Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
    } catch (error) {
      throw new UserError(`Cannot write ${path.join(this.folder, name)}: ${messageOf(error)}`);
    }
  }
}

/** Whether a file says what ours say: others can have written it. */
function isSubmission(value: unknown): value is PendingSubmission {
  const { token, cluster, script, begun } = (value ?? {}) as Partial<Record<keyof PendingSubmission, unknown>>;
  const texts = [cluster, script, begun].every((text) => typeof text === 'string');
  return texts && typeof token === 'string' && /^[a-z2-9]{16}$/.test(token);
}
