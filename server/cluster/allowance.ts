/**
 * What the user has allowed of workspaces' files of clusters. Such a file comes with a repository, and names hosts to
 * connect to and lines to run: nothing of it is used before the user has agreed to exactly this content.
 */
import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors';
import { writeAtomically } from '../atomic-file';
import { statePath } from '../state-folder';
import { plainLine } from '../shared/plain-text';
import type { ClusterProfile } from '../shared/protocol';

/** A workspace's file of clusters as it was read. */
export interface WorkspaceFile {
  /** Absolute path, links resolved. */
  file: string;
  /** Stands for the path and every byte of the content. */
  digest: string;
  /** Those of its profiles that are in the list. */
  profiles: readonly ClusterProfile[];
}

/** Who decides. @returns whether the content may be used from now on */
export type AskAllowance = (file: WorkspaceFile) => Promise<boolean>;

/** Something of a file that was not allowed was wanted. */
export class NotAllowedError extends UserError {
  constructor({ file }: WorkspaceFile) {
    super(`${file} was not allowed on this machine yet, so nothing of it is used: ${HOW_TO_ALLOW}`);
    this.name = 'NotAllowedError';
  }
}

/** What to do about it, as an end of a sentence. */
const HOW_TO_ALLOW = 'run "edm-workbench clusters allow" in its folder, which shows what it would do';

/** The file of these bytes, from which these profiles are. */
export async function workspaceFile(
  file: string,
  bytes: Uint8Array,
  profiles: readonly ClusterProfile[],
): Promise<WorkspaceFile> {
  // However the workspace was opened, an answer is for one place.
  const place = await realpath(file).catch(() => path.resolve(file));
  const digest = createHash('sha256').update(place).update('\0').update(bytes).digest('hex');
  return { file: place, digest, profiles };
}

/** Whether the user has allowed this content at this place. */
export async function isAllowed({ digest, profiles }: WorkspaceFile): Promise<boolean> {
  if (profiles.length === 0) return true;
  return (await stat(recordOf(digest)).catch(() => undefined))?.isFile() === true;
}

/** Remembers that the user has. @throws UserError where that cannot be written */
export async function allow({ file, digest }: WorkspaceFile): Promise<void> {
  const record = { file, allowed: new Date().toISOString() };
  await writeAtomically(recordOf(digest), Buffer.from(`${JSON.stringify(record, null, 2)}\n`), 0o600);
}

/** One file for each content: nothing is read and written back, so that two processes lose nothing. */
function recordOf(digest: string): string {
  return statePath('allowed-clusters', `${digest}.json`);
}

/** What a profile leads to, one line each, for the person who decides. */
export function effectsOf(profile: ClusterProfile): string[] {
  const { name, host, via, transfer_host: files, local, setup = [], shell, container, git_remote: remote } = profile;
  const own = [profile, profile.engines?.edm, profile.engines?.workbench];
  const extra = own.flatMap((options) => options?.extra_directives ?? []);
  const lines = [
    local ? 'runs commands on this machine' : `connects to ${[host, via].filter(Boolean).join(', then to ')}`,
    ...(files === undefined ? [] : [`copies files by ${files}`]),
    ...setup.map((line) => `runs first: ${line}`),
    ...(shell === undefined ? [] : [`runs scripts with ${shell}`]),
    ...extra.map((directive) => `asks the scheduler for ${directive}`),
    ...(container === undefined ? [] : [`runs in the container ${container}`]),
    ...(remote === undefined ? [] : [`sends commits to the git remote ${remote}`]),
  ];
  return lines.map((line) => plainLine(`${name}: ${line}`));
}
