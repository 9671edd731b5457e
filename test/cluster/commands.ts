/** Commands of the command line as people run them: with a terminal of their own, or without one. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CLI } from '../server/workspace';
import { allowClusters } from './allow';
import type { BedUser, TestBed } from './bed';

export interface Ran {
  status: number | null;
  stdout: string;
  /** On a terminal: all that was on the screen. */
  stderr: string;
}

/** The commands of one test file. Each user of the bed has a home here, with an ssh configuration and clusters. */
export class Commands {
  private readonly scratch = mkdtempSync(path.join(os.tmpdir(), 'edm-cli-'));

  constructor(private readonly bed: TestBed) {}

  /** Folder on this machine in which commands of a user run; it is their home too. */
  home(user: BedUser): string {
    return path.join(this.scratch, user);
  }

  /** @param clusters text of clusters.yaml @param more lines of ssh's configuration, for all hosts */
  async give(user: BedUser, clusters: string, more: readonly string[] = []): Promise<void> {
    const home = this.home(user);
    this.bed.giveSshConfig(home, user, { more });
    mkdirSync(path.join(home, '.edm-workbench'), { recursive: true });
    writeFileSync(path.join(home, '.edm-workbench', 'clusters.yaml'), clusters);
    await allowClusters(home);
  }

  /** Runs a command where there is no terminal. */
  run(user: BedUser, ...args: string[]): Promise<Ran> {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: this.home(user),
      env: { ...process.env, HOME: this.home(user) },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
  }

  /** Runs a command on a terminal of its own. @param codes what is typed when a code is asked, then Ctrl+C */
  onTerminal(user: BedUser, codes: (() => string)[], ...args: string[]): Promise<Ran & { asked: number }> {
    const home = this.home(user);
    const out = path.join(home, `stdout-${randomBytes(4).toString('hex')}`);
    const line = `exec ${process.execPath} ${CLI} ${args.join(' ')} > ${out}`;
    const child = spawn('script', ['-qefc', line, '/dev/null'], { cwd: home, env: { ...process.env, HOME: home } });
    let [screen, answered, asked] = ['', 0, 0];
    child.stdout.on('data', (chunk: Buffer) => {
      screen += chunk.toString();
      if (!/Verification code: $/.test(screen.slice(answered))) return;
      answered = screen.length;
      const code = codes[asked++];
      child.stdin.write(code ? `${code()}\r` : '\x03');
    });
    return new Promise((resolve) =>
      child.on('close', (status) => resolve({ status, stdout: readFileSync(out, 'utf8'), stderr: screen, asked })),
    );
  }

  close(): void {
    rmSync(this.scratch, { recursive: true, force: true });
  }
}
