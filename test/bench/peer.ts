/** Another program to measure against: a Python script in a process of its own that answers each line with a line. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

export class Peer {
  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /**
   * Starts `test/bench/<script>` and waits for its first line. The interpreter is $PYTHON or the system's.
   * @throws Error if it ends before
   */
  static async start(script: string, ...args: string[]): Promise<Peer> {
    const child = spawn(process.env.PYTHON ?? '/usr/bin/python3', [path.join(__dirname, script), ...args]);
    child.stderr.pipe(process.stderr);
    const peer = new Peer(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await peer.line();
    return peer;
  }

  /** Sends one line, returns the answer. @throws Error if it ended instead */
  ask(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    return this.line();
  }

  stop(): void {
    this.child.stdin.end();
  }

  private async line(): Promise<string> {
    const line = await this.lines.next();
    if (line.done) throw new Error('Python ended: see above');
    return line.value;
  }
}
