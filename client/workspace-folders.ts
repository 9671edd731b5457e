/** The folders of the workspace: which there are, and which of them a command is about. */
import { realpathSync } from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { asOpened } from '../server/shared/places';

/** Paths of all workspace folders, that of the active editor first. */
export function workspaceFolders(): string[] {
  const active = vscode.window.activeTextEditor?.document.uri;
  const first = active && vscode.workspace.getWorkspaceFolder(active)?.uri.fsPath;
  const all = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
  return [...all].sort((a, b) => Number(b === first) - Number(a === first));
}

/**
 * A path of the server's, which has no links in it, as the editor has it open: a file that is opened under a second name would
 * be edited twice.
 */
export function asWorkspaceFile(file: string): string {
  const folders = workspaceFolders().flatMap((name) => {
    try {
      return [{ name, canonical: realpathSync.native(name) }];
    } catch {
      return []; // removed meanwhile
    }
  });
  return asOpened(file, folders, path);
}

/** True where a text must say which folder it is about. */
export function areSeveral(): boolean {
  return (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
}

/** Name of a workspace folder as the editor shows it; the last part of its path for any other folder. */
export function folderName(folder: string): string {
  const known = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.fsPath === folder);
  return known?.name ?? path.basename(folder);
}

/** One workspace folder: the only one, or the one that the user picks. The user is told if there is none. */
export async function pickWorkspaceFolder(question: string): Promise<string | undefined> {
  const folders = workspaceFolders();
  if (folders.length === 0) void vscode.window.showErrorMessage(vscode.l10n.t('Open a folder first.'));
  return pickOf(question, folders, (folder) => ({ label: folderName(folder), description: folder }));
}

/** What a search found in a folder. */
export interface Found<T> {
  folder: string;
  value: T;
}

/**
 * Looks into all workspace folders at once.
 * @param key what is found twice (two folders of one repository) counts once
 * @returns what was found, in the order of the folders
 * @throws the first failure where every folder failed; Error where no folder is open
 */
export async function searchFolders<T>(
  look: (folder: string) => Promise<T>,
  key: (value: T, folder: string) => string,
): Promise<Found<T>[]> {
  const folders = workspaceFolders();
  if (folders.length === 0) throw new Error(vscode.l10n.t('Open a folder first.'));
  const looks = await Promise.allSettled(folders.map(look));
  const found = new Map<string, Found<T>>();
  for (const [at, folder] of folders.entries()) {
    const result = looks[at];
    if (result?.status !== 'fulfilled') continue;
    const { value } = result;
    const name = key(value, folder);
    if (!found.has(name)) found.set(name, { folder, value });
  }
  const [failure] = looks.filter((result) => result.status === 'rejected');
  if (found.size === 0 && failure) throw failure.reason;
  return [...found.values()];
}

/** The only one of some things, or the one that the user picks; undefined if there is none, or the user cancelled. */
export async function pickOf<T>(
  question: string,
  things: readonly T[],
  itemOf: (thing: T) => vscode.QuickPickItem,
): Promise<T | undefined> {
  if (things.length <= 1) return things[0];
  const items = things.map((thing) => ({ ...itemOf(thing), thing }));
  return (await vscode.window.showQuickPick(items, { placeHolder: question, matchOnDescription: true }))?.thing;
}
