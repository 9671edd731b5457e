import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../../server/workspace';

/** Slurm's commands, of which a queue needs the answers. */
const COMMANDS = ['sbatch', 'squeue', 'sacct', 'sinfo', 'scontrol'];
/** A command that knows its version, and of no job. */
const NOTHING = 'case "$*" in *--version*) echo "slurm 22.05.8" ;; esac';

/** A home on a login node whose scheduler answers as a test needs it: nothing else makes a real one fail or hang at will. */
export class LoginNode {
  readonly home = temporaryFolder();
  private readonly programs = path.join(this.home, 'bin');

  constructor() {
    mkdirSync(this.programs);
    for (const name of COMMANDS) this.install(name, NOTHING);
    // The editor takes PATH from a login shell, not from the environment that it was started in.
    for (const name of ['.bash_profile', '.bashrc'])
      writeFileSync(path.join(this.home, name), `export PATH=${this.programs}:$PATH\n`);
  }

  /** What the editor is started with. */
  get env(): Readonly<Record<string, string>> {
    return { HOME: this.home, SHELL: '/bin/bash', PATH: `${this.programs}:${process.env.PATH}` };
  }

  /** Makes a command a shell script; the queue is empty where it is left out. */
  install(name: string, text = NOTHING): void {
    const file = path.join(this.programs, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
  }
}
