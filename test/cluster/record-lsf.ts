/**
 * Records what an LSF-compatible engine answers to the adapter, for test/unit/lsf-recorded.test.ts:
 *
 *     npx tsx test/cluster/record-lsf.ts FILE.json FOLDER WORDS...
 *
 * FOLDER is one that jobs can write to, the words bring a command to the engine as a user called alice (an ssh, an
 * nsenter). The host is to be called lsfhost, the queues normal (240 minutes), gpu (default 30 and
 * at most 60 minutes, 4 slots, 2 for a user, PROCLIMIT 1 2 4, for alice) and staff (for bob, 120 minutes).
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalHost } from '../../server/cluster/local-host';
import { Lsf } from '../../server/cluster/lsf/lsf';
import type { Submitted } from '../../server/cluster/scheduler';
import { messageOf } from '../../server/errors';
import { RecordingHost } from './recording';

/** Where the recorded jobs ran, whatever folder it was. */
export const FOLDER = '/home/alice/edm';
/** Before all that is recorded. */
export const SINCE = new Date('2026-11-01T00:00:00Z');

const SCRIPTS = {
  done: '#BSUB -J done\n#BSUB -o done-%J.out\necho out\n',
  failed: '#BSUB -J failed\n#BSUB -P proja\nexit 3\n',
  tasks: '#BSUB -J "tasks[1-3]"\n#BSUB -n 2\nexit $LSB_JOBINDEX\n',
  odd: '#BSUB -J "odd $(touch x); name"\n#BSUB -H\ntrue\n',
  long: '#BSUB -J long\n#BSUB -q gpu\n#BSUB -W 10\n#BSUB -o long-%J.out\n#BSUB -e long-%J.err\nfor I in $(seq 60); do echo step $I; sleep 1; done\n',
  after: '#BSUB -J after\n#BSUB -w "ended(long)"\ntrue\n',
} as const;
/** Scripts that are refused, and the 0-based line that is to blame. */
export const REFUSED: Readonly<Record<string, [script: string, line: number]>> = {
  queue: ['#BSUB -q nosuch\n', 1],
  limit: ['#BSUB -J x\n#BSUB -W 20:00\n', 2],
  slots: ['#BSUB -n 999\n', 1],
  resources: ['#BSUB -R "select[nosuch>1]"\n', 1],
  option: ['#BSUB -Q x\n', 1],
  dependency: ['#BSUB -w "ended(99999)"\n', 1],
};

const tokenOf = (name: string): string => name.padEnd(16, 'x');

/** Asks everything, in an order that a recording can be asked again in. @param pause lets jobs go on */
export async function askLsf(lsf: Lsf, folder: string, pause: (seconds: number) => Promise<unknown>) {
  const submit = (name: string, script: string): Promise<Submitted> =>
    lsf.submit({ script: `#!/bin/bash\n${script}`, folder, token: tokenOf(name) });
  const version = await lsf.version();
  const ids = {} as Record<keyof typeof SCRIPTS, string>;
  for (const [name, script] of Object.entries(SCRIPTS))
    ids[name as keyof typeof SCRIPTS] = (await submit(name, script)).id;
  const refused: Record<string, { message: string; line?: number }> = {};
  for (const [name, [script]] of Object.entries(REFUSED))
    await submit(name, `${script}true\n`).catch((error: unknown) => (refused[name] = { message: messageOf(error), line: (error as { line?: number }).line })); // prettier-ignore
  await pause(8);
  const [mine, all] = [await lsf.queue('mine'), await lsf.queue('all')];
  const details = [await lsf.job(ids.long), await lsf.job(`${ids.tasks}[2]`), await lsf.job('99999')];
  const peeked = await lsf.peek(ids.long, 'stdout');
  const held = await lsf.act('hold', [ids.long, ids.done]);
  await pause(4);
  const suspended = await lsf.job(ids.long);
  const released = await lsf.act('release', [ids.long, ids.odd]);
  await pause(6);
  const cancelled = await lsf.act('cancel', [ids.long, ids.done, '99999']);
  await pause(4);
  const history = await lsf.history(SINCE);
  return { version, ids, refused, mine, all, details, peeked, held, suspended, released, cancelled, history, snapshot: await lsf.snapshot(), load: await lsf.load() }; // prettier-ignore
}

async function main([file, folder, ...prefix]: string[]): Promise<void> {
  const scrub = (text: string): string =>
    text.replaceAll(folder, FOLDER).replaceAll(process.env.HOME ?? '/root', '/home/alice');
  const host = new RecordingHost(new LocalHost(), scrub);
  const answers = await askLsf(new Lsf(host, { prefix, home: os.homedir() }), folder, (seconds) =>
    sleep(seconds * 1500),
  );
  writeFileSync(file, JSON.stringify(host.exchanges, null, 1) + '\n');
  console.log(JSON.stringify(answers, null, 1));
}

if (require.main === module) void main(process.argv.slice(2));
