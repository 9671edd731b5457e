/**
 * What this workspace has sent to clusters, in `.edm-workbench/dispatches/`: one file for each run. Files are written
 * atomically and outlive the editor. One process at a time holds a run, so that two editors do nothing twice.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Claim } from '../claim';
import { writeAtomically } from '../atomic-file';
import { isSamePlace } from '../canonical-path';
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

/** Name of the file of a dispatch. */
const fileOf = (token: string): string => `${token}.json`;

export class Ledger {
  private readonly folder: string;

  /** @param root top of the repository */
  constructor(readonly root: string) {
    this.folder = path.join(root, FOLDER);
  }

  /** All dispatches, oldest first, each once, and a sentence for each file that cannot be used or is not. */
  async all(): Promise<{ dispatches: Dispatch[]; problems: string[] }> {
    const { dispatches, files, problems } = await this.read();
    // A copy under another name is not written any more once the run is looked at.
    const kept = new Map<string, { dispatch: Dispatch; file: string }>();
    for (const [at, dispatch] of dispatches.entries()) {
      const { token } = dispatch;
      const [one, other] = [kept.get(token), { dispatch, file: files[at] ?? '' }];
      const isBetter = one === undefined || other.file === fileOf(token);
      if (isBetter) kept.set(token, other);
      const left = isBetter ? one : other;
      if (left)
        problems.push(`${FOLDER}/${left.file} is not used: it has the token of ${kept.get(token)?.file}, so remove it`);
    }
    const used = [...kept.values()].map(({ dispatch }) => dispatch);
    return { dispatches: used.sort((a, b) => a.created.localeCompare(b.created)), problems };
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

  /**
   * The dispatch that somebody means: by the beginning of its token, its run folder here or there, its name, or its commit.
   * @param from folder that a relative path begins at
   * @throws UserError where there is none, or more than one, with the tokens to choose from
   */
  async meant(text: string, from: string): Promise<Dispatch> {
    const { dispatches } = await this.all();
    const folder = path.resolve(from, text);
    const last = (name: string | undefined): string => path.posix.basename(name ?? '');
    const ways: readonly ((one: Dispatch) => boolean)[] = [
      ({ token }) => token.startsWith(text),
      ({ local }) => local !== undefined && isSamePlace(path.resolve(this.root, local), folder),
      ({ run, local }) => [run, last(run), local, last(local)].includes(text.replace(/\/$/, '')),
      ({ name }) => name === text,
      ({ code, checkout }) =>
        /^[0-9a-f]{4,}$/.test(text) && [code.commit, checkout].some((hash) => hash.startsWith(text)),
    ];
    for (const isMeant of ways) {
      const found = dispatches.filter(isMeant);
      const [first, another] = found;
      if (first && !another) return first;
      const choices = found.map(
        ({ token, name, code, state }) => `${token.slice(0, 6)} (${name} at ${code.short}, ${state})`,
      );
      if (another)
        throw new UserError(`${found.length} submitted runs are meant by "${text}": choose ${choices.join(', ')}`);
    }
    throw new UserError(
      `No submitted run of this workspace has a token, run folder, name or commit "${text}": pull without a name lists them`,
    );
  }

  /** Writes a dispatch; the caller must hold it. */
  async save(dispatch: Dispatch): Promise<void> {
    await demandUnlinked(this.root, this.folder);
    // Only for this machine and this user; the history is what is shared.
    await makeStateFolder(this.folder);
    await writeAtomically(
      path.join(this.folder, fileOf(dispatch.token)),
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
