/** Reads the files of its arguments as a check does, in a process of its own so that its memory is its own: one line of JSON each. */
import { UserError } from '../../server/errors';
import { networkFacts } from '../../server/models/network-facts';

async function main(): Promise<void> {
  for (const file of process.argv.slice(2)) {
    // What the file before has left is not this one's.
    globalThis.gc?.();
    const before = process.cpuUsage();
    const said = await networkFacts(file).then(
      () => 'nothing',
      (error: unknown) => (error instanceof UserError ? error.message : `DEFECT ${String(error)}`),
    );
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    console.log(JSON.stringify({ said, seconds, megabytes: process.resourceUsage().maxRSS / 1000 }));
  }
}

void main();
