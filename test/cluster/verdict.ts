/** The real sbatch's judgement of a script: whether it takes it, and which options it read. */
import { chmodSync, writeFileSync } from 'node:fs';
import type { TestBed } from './bed';

/** What sbatch said of one script. */
export interface Verdict {
  /** Whether it would be queued. */
  taken: boolean;
  /** Whether sbatch itself read all options; what fails later is the controller's refusal, mostly for want of hardware. */
  read: boolean;
  /** The options that sbatch read, a line each; empty where it did not come to that. */
  options: readonly string[];
  /** The lines of its answer that tell of errors. */
  message: string;
}

/**
 * Asks the test bed's sbatch about a script, without submitting it.
 * @param args options of the command line, which overrule those of the script
 */
export async function verdictOn(bed: TestBed, script: string | Uint8Array, ...args: string[]): Promise<Verdict> {
  const file = bed.file('script.sh');
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  const asked = await bed.inCluster(['sbatch', '-vv', '--test-only', '--chdir=/tmp', ...args, file], 'alice');
  const said = asked.stdout + asked.stderr;
  const block = /defined options\n[^\n]*\n([\s\S]*?)\nsbatch: -{5,}/.exec(said)?.[1];
  return {
    taken: asked.code === 0,
    read: block !== undefined,
    options: (block ?? '').split('\n').map((line) => line.replace(/^sbatch: /, '')),
    message: said.split('\n').filter((line) => /error|fatal|failure|unrecognized|invalid/i.test(line)).join('; '),
  }; // prettier-ignore
}
