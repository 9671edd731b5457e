/** Starting a holder, so that it outlives whoever starts it. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { UserError } from '../../errors';
import { ownProgram } from '../own-program';
import type { HolderReady } from './holder';
import type { HolderStart } from './holder-server';

/** Milliseconds for which a start may take. */
const PATIENCE = 30_000;

/** Starts it and waits until it, or another one that was quicker, can be called. @throws UserError saying why it cannot */
export async function startHolder(start: HolderStart): Promise<void> {
  const { args, cwd } = ownProgram(__filename, 'holder');
  const child = spawnApart([...args, JSON.stringify(start)], cwd);
  const word = await firstLine(child);
  child.stdout?.destroy();
  child.unref();
  const { ready, message } = JSON.parse(word || '{"ready":false}') as HolderReady;
  if (!ready) throw new UserError(message ?? 'it ended at once', 1);
}

/** A process of a session of its own: an editor that ends what it has started, and a terminal that is closed, leave it alone. */
function spawnApart(args: readonly string[], cwd: string): ChildProcess {
  const { execPath } = process;
  // The program of a desktop editor is a node only where it is told so.
  const env = { ...process.env, ...(process.versions.electron && { ELECTRON_RUN_AS_NODE: '1' }) };
  const options: SpawnOptions = { cwd, env, detached: true, windowsHide: true, stdio: ['ignore', 'pipe', 'ignore'] };
  if (process.platform === 'win32') return spawn(execPath, args, options);
  // The shell ends at once, so that the holder is nobody's child.
  return spawn('/bin/sh', ['-c', '"$0" "$@" &', execPath, ...args], options);
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new UserError('it does not get ready', 1)), PATIENCE);
    const end = (): void => {
      clearTimeout(late);
      resolve(text.split('\n')[0] ?? '');
    };
    child.on('error', (error) => reject(new UserError(error.message, 1)));
    child.stdout?.setEncoding('utf8');
    child.stdout?.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) end();
    });
    child.stdout?.on('close', end);
  });
}
