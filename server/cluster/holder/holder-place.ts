/**
 * Where the holders of a user are found: a folder that only this user can enter, with a socket and a file of facts for each.
 * Both sides check whose it is before a word is said.
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { HOST } from '../../claim';
import { isCode, messageOf, UserError } from '../../errors';
import { packageRoot } from '../../package-root';
import { readFileSync, type Stats } from 'node:fs';
import { statePath } from '../../state-folder';
import { HOLDER_PROTOCOL } from './holder-messages';

/** The longest path of a socket that every system takes, in bytes. */
const LONGEST_SOCKET = 100;
const WINDOWS = process.platform === 'win32';

/** What a holder tells of itself in its file. */
export interface HolderFacts {
  pid: number;
  /** Of this program. */
  version: string;
  /** The host that it is logged in to, as profiles name it. */
  destination: string;
  /** The public key that it shows, base64: who reads this file knows that it is the holder that wrote it. */
  key: string;
}

/** The files of one holder. */
export interface HolderPlace {
  folder: string;
  /** Stands for this version, the destination, and all settings that a login there depends on. */
  id: string;
  /** Path of the socket, or name of the pipe on Windows. */
  socket: string;
  /** File of `HolderFacts`. */
  facts: string;
  /** File of the times at which the destination was connected to, whatever the settings. */
  pace: string;
}

/** Somebody else could listen there, or answer. */
export class NotOurOwnError extends UserError {}

let ownVersion: string | undefined;
/** Version of this program. */
export function programVersion(): string {
  const read = (): { version: string } =>
    JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return (ownVersion ??= read().version);
}

/** The folder of this user's holders on this machine. A home may be shared with other machines, whose sockets lead nowhere here. */
function holderFolder(): string {
  const usual = statePath('logins', HOST);
  if (WINDOWS || Buffer.byteLength(path.join(usual, `${'0'.repeat(16)}.sock`)) <= LONGEST_SOCKET) return usual;
  const short = createHash('sha256').update(usual).digest('hex').slice(0, 8);
  return path.join(os.tmpdir(), `edm-workbench-${process.getuid?.() ?? ''}-${short}`);
}

/**
 * The place of the holder for a destination, with its folder made.
 * @param settings all that a login there depends on; JSON
 * @throws NotOurOwnError where the folder is not the user's alone
 */
export async function holderPlace(destination: string, settings: unknown): Promise<HolderPlace> {
  const id = digest([HOLDER_PROTOCOL, programVersion(), destination, settings]);
  return placeOf(await ownFolder(), id, destination);
}

function placeOf(folder: string, id: string, destination: string): HolderPlace {
  const pipe = `\\\\.\\pipe\\edm-workbench-${digest(folder)}-${id}`;
  return {
    folder,
    id,
    socket: WINDOWS ? pipe : path.join(folder, `${id}.sock`),
    facts: path.join(folder, `${id}.json`),
    pace: path.join(folder, `${digest(destination)}.pace`),
  };
}

const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

async function ownFolder(): Promise<string> {
  const folder = holderFolder();
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new NotOurOwnError(`Cannot make ${folder}: ${messageOf(error)}`);
  }
  await demandOwn(folder, (stats) => stats.isDirectory());
  return folder;
}

/**
 * Checks that something is this user's and nobody else can use it. On Windows the folder lies in the user's profile, which
 * the system keeps others out of.
 * @throws NotOurOwnError
 */
export async function demandOwn(file: string, isKind: (stats: Stats) => boolean): Promise<void> {
  if (!(await isOwn(file, isKind))) throw new NotOurOwnError(`${file} is not there`);
}

/** The same; false where it is not there, as a holder that ends takes its files away at any moment. */
export async function isOwn(file: string, isKind: (stats: Stats) => boolean): Promise<boolean> {
  const stats = await lstat(file).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw new NotOurOwnError(`Cannot look at ${file}: ${messageOf(error)}`);
  });
  if (!stats) return false;
  if (!isKind(stats)) throw new NotOurOwnError(`${file} is not what it should be: remove it`);
  if (WINDOWS) return true;
  if (stats.uid !== process.getuid?.()) throw new NotOurOwnError(`${file} belongs to another user: it is not used`);
  if ((stats.mode & 0o077) !== 0)
    throw new NotOurOwnError(`${file} can be used by others: it is not used. chmod go= ${file}`);
  return true;
}

/** What the holder of a place says of itself; undefined where there is none. @throws NotOurOwnError */
export async function holderFacts(place: HolderPlace): Promise<HolderFacts | undefined> {
  if (!(await isOwn(place.facts, (stats) => stats.isFile()))) return undefined;
  const text = await readFile(place.facts, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as HolderFacts;
  } catch {
    return undefined; // being written
  }
}

/** All holders of this user on this machine, of whatever version and settings; some may have ended. */
export async function allHolders(): Promise<{ place: HolderPlace; facts: HolderFacts }[]> {
  const folder = await ownFolder();
  const found: { place: HolderPlace; facts: HolderFacts }[] = [];
  for (const name of await readdir(folder)) {
    const id = /^([0-9a-f]{16})\.json$/.exec(name)?.[1];
    const facts = id === undefined ? undefined : await holderFacts(placeOf(folder, id, ''));
    if (id !== undefined && facts) found.push({ place: placeOf(folder, id, facts.destination), facts });
  }
  return found;
}

/* ---- Showing the holder who we are ---- */

const PROOF = /^proof-[0-9a-f]{32}$/;

/**
 * A file that only this user can make there, as the system tells nobody in Node who is at the other end of a socket.
 * @returns its name, which the holder is told
 */
export async function makeProof({ folder }: HolderPlace): Promise<string> {
  const name = `proof-${randomBytes(16).toString('hex')}`;
  await writeFile(path.join(folder, name), '', { flag: 'wx', mode: 0o600 });
  return name;
}

/** Takes a proof away, so that it counts once. @returns whether it is this user's */
export async function takeProof({ folder }: HolderPlace, name: string): Promise<boolean> {
  if (!PROOF.test(name)) return false;
  const file = path.join(folder, name);
  try {
    await demandOwn(file, (stats) => stats.isFile());
    await rm(file);
    return true;
  } catch {
    return false;
  }
}
