/**
 * What this workspace has sent to clusters, in `.edm-workbench/dispatches/`: one file for each run. Files are written
 * atomically and outlive the editor. One process at a time holds a run, so that two editors do nothing twice.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Claim } from '../claim';
import { writeAtomically } from '../atomic-file';
import { demandUnlinked, placeInside } from '../containment';
import { makeStateFolder } from '../ignored-folder';
import { isCode, messageOf, UserError } from '../errors';
import { git } from '../git-process';
import { STATE_FOLDER } from '../history/history-store';
import { readRegularFile } from '../regular-file';
import { validator } from '../schema';
import type { Dispatch } from '../shared/schema-types.gen';

const FOLDER = path.join(STATE_FOLDER, 'dispatches');
/** The largest file that is read as a dispatch, in bytes; ours have some thousand. */
const LARGEST = 1 << 20;

export class Ledger {
  private readonly folder: string;

  /** @param root top of the repository */
  constructor(readonly root: string) {
    this.folder = path.join(root, FOLDER);
  }

  /** All dispatches, oldest first, and a sentence for each file that cannot be used. */
  async all(): Promise<{ dispatches: Dispatch[]; problems: string[] }> {
    const { dispatches, problems } = await this.read();
    return { dispatches: dispatches.sort((a, b) => a.created.localeCompare(b.created)), problems };
  }

  /** As `all`, in any order, with the name of each file. */
  private async read(): Promise<{ dispatches: Dispatch[]; files: string[]; problems: string[] }> {
    const names = await readdir(this.folder).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    });
    const validate = validator<Dispatch>('dispatch');
    const dispatches: Dispatch[] = [];
    const files: string[] = [];
    const problems: string[] = [];
    for (const name of names.filter((one) => /^[^.].*\.json$/.test(one))) {
      const checked = await readRegularFile(path.join(this.folder, name), { atMost: LARGEST })
        .then(async (text) => {
          const read = validate(JSON.parse(text.toString()));
          // The file may have come with the repository: what it names here is written to when results are fetched.
          if (read.valid && read.value.local !== undefined) await placeInside(this.root, read.value.local);
          return read;
        })
        .catch((error: unknown) => ({ valid: false as const, problem: messageOf(error) }));
      if (checked.valid) {
        dispatches.push(checked.value);
        files.push(name);
      } else problems.push(`Cannot use ${FOLDER}/${name}: ${checked.problem}`);
    }
    return { dispatches, files, problems };
  }

  /**
   * Tokens of dispatches that are under version control: they came with the repository. Ours never are, as git ignores
   * the folder. They are shown, and looked at when the user asks for it.
   */
  async committed(): Promise<ReadonlySet<string>> {
    const names = await git(this.root, 'ls-files', '-z', '--', FOLDER.split(path.sep).join('/'));
    const tracked = new Set(names.split('\0').map((name) => path.posix.basename(name)));
    if (names === '') return new Set();
    const { dispatches, files } = await this.read();
    return new Set(dispatches.filter((_, at) => tracked.has(files[at] ?? '')).map(({ token }) => token));
  }

  /** The dispatch whose token begins with this text. @throws UserError where there is none, or more than one */
  async named(token: string): Promise<Dispatch> {
    const found = (await this.all()).dispatches.filter((one) => one.token.startsWith(token));
    const [first, another] = found;
    if (first && !another) return first;
    throw new UserError(
      `${found.length} submitted runs of this workspace begin with "${token}": pull without a name lists them`,
    );
  }

  /** Writes a dispatch; the caller must hold it. */
  async save(dispatch: Dispatch): Promise<void> {
    await demandUnlinked(this.root, this.folder);
    // Only for this machine and this user; the history is what is shared.
    await makeStateFolder(this.folder);
    await writeAtomically(
      path.join(this.folder, `${dispatch.token}.json`),
      Buffer.from(`${JSON.stringify(dispatch, null, 2)}\n`),
    );
  }

  /**
   * Does work that only one process may do at a time.
   * @param name token of a dispatch, or what else is held
   * @returns undefined where another process is doing it
   */
  async hold<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    await demandUnlinked(this.root, this.folder);
    const claim = await Claim.take(this.folder, name);
    if (!claim) return undefined;
    try {
      return await work();
    } finally {
      await claim.release();
    }
  }
}
