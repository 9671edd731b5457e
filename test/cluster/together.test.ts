/**
 * Two editors and terminals in one workspace, on the real Slurm: nobody settles what a live process is submitting.
 * `EDM_TOGETHER_SECONDS=600` is the ten minutes of the project's demonstration; the suite itself takes less.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostFiles, RunOutcome } from '../../server/cluster/host';
import * as protocol from '../../server/shared/protocol';
import { TestServer } from '../server/connection';
import { ROOT } from '../server/workspace';
import { until } from '../until';
import { bedHost, TestBed } from './bed';

const SECONDS = Number(process.env.EDM_TOGETHER_SECONDS ?? 25);
const HOME = '/home/alice';
const WORK = `${HOME}/project`;
const CLUSTER = 'this-machine';

let bed: TestBed;
let files: HostFiles;
before(async () => {
  bed = await TestBed.start();
  ({ files } = bedHost(bed, 'alice'));
  await files.makeFolder(WORK);
  await files.makeFolder(`${HOME}/slow`);
  await files.write(`${HOME}/slow/sbatch`, '#!/bin/sh\nscript=$(cat)\nsleep 8\nprintf "%s\\n" "$script" | /usr/bin/sbatch "$@"\n', 0o755);
  await files.write(`${WORK}/j.slurm`, script('slow'));
}); // prettier-ignore
after(() => bed?.stop());

const script = (name: string): string =>
  `#!/bin/bash\n#SBATCH --time=1\n#SBATCH --account=proja\n#SBATCH --job-name=${name}\n#SBATCH --output=/dev/null\ntrue\n`;
const cli = (words: readonly string[], environment: readonly string[] = []): Promise<RunOutcome> =>
  bed.inCluster(['env', ...environment, process.execPath, path.join(ROOT, 'dist', 'cli.js'), ...words], 'alice', {
    cwd: WORK,
  });
const SLOWLY = [`PATH=${HOME}/slow:/usr/bin:/bin`];
async function jobsNamed(name: string): Promise<string[]> {
  const { stdout } = await bed.inCluster(
    ['sacct', '-X', '-n', '-P', '--name', name, '-S', 'now-1hour', '-o', 'jobid'],
    'alice',
  );
  return stdout.split('\n').filter(Boolean);
}
/** How many submissions are noted that nobody has seen the outcome of. */
async function begun(): Promise<number> {
  const { stdout } = await bed.inCluster(
    ['find', `${WORK}/.edm-workbench/local`, '-name', '*.submission.json'],
    'alice',
  );
  return stdout.split('\n').filter(Boolean).length;
}

test('a submission under way is left to its process, by whoever asks for the queue', { timeout: 120_000 }, async () => {
  const submitting = cli(['submit', 'j.slurm'], SLOWLY);
  await until(begun, 'its note', (count) => count === 1);
  await sleep(1500);
  const queue = await cli(['queue']);
  assert.deepEqual([queue.code, queue.stderr], [0, '']);
  const { code, stdout, stderr } = await submitting;
  assert.deepEqual([code, await begun()], [0, 0], stderr);
  await until(
    () => jobsNamed('slow'),
    'its job',
    (jobs) => jobs.join() === stdout.trim(),
  );
});

test('one whose process was killed is settled by the next, and not before its sbatch has ended', { timeout: 120_000 }, async () => {
  const before = (await jobsNamed('slow')).length;
  const killed = cli(['submit', 'j.slurm'], SLOWLY);
  await until(begun, 'its note', (count) => count === 1);
  await until(() => bed.inCluster(['pgrep', '-f', 'slow/sbatch']), 'its sbatch', ({ code }) => code === 0);
  await bed.inCluster(['pkill', '-KILL', '-f', 'cli.js submit']);
  await killed;
  const [one, two] = await Promise.all([cli(['queue']), cli(['queue'])]);
  const said = `${one.stderr}${two.stderr}`;
  assert.match(said, /^(?:j\.slurm is still being submitted: the scheduler has not answered yet\n)+$/);
  await until(() => jobsNamed('slow'), 'its job', (jobs) => jobs.length === before + 1);
  const later = await until(() => cli(['queue']), 'its word', ({ stderr }) => !/still/.test(stderr));
  assert.match(later.stderr, /^j\.slurm was submitted: job \d+\n$/);
  assert.deepEqual([(await cli(['queue'])).stderr, await begun()], ['', 0]);
}); // prettier-ignore

test(`two editors and two terminals for ${SECONDS} s: every job once`, { timeout: SECONDS * 1000 + 180_000 }, async () => {
  const editors = await Promise.all([1, 2].map(() => TestServer.start(bed.inside('alice', WORK))));
  const said: string[] = [];
  const ids: string[] = [];
  const end = performance.now() + SECONDS * 1000;
  const repeat = async (work: () => Promise<void>): Promise<void> => {
    while (performance.now() < end) await work();
  };
  try {
    for (const { connection } of editors) {
      connection.onNotification('window/showMessage', ({ message }: { message: string }) => void said.push(message));
      await connection.sendRequest(protocol.clustersRequest, { folders: [WORK] });
    }
    const params = { cluster: CLUSTER, script: `${WORK}/t.slurm`, text: script('together'), folder: WORK };
    await files.write(`${WORK}/t.slurm`, params.text);
    await Promise.all([
      ...editors.map(({ connection }) =>
        repeat(async () => {
          const [submitted] = await Promise.all([
            connection.sendRequest(protocol.submitRequest, params),
            connection.sendRequest(protocol.connectRequest, { cluster: CLUSTER }),
          ]);
          ids.push(submitted.id);
        }),
      ),
      ...[1, 2].map(() =>
        repeat(async () => {
          const { code, stdout, stderr } = await cli(['submit', 't.slurm']);
          assert.equal(code, 0, stderr);
          if (stderr !== '') said.push(stderr);
          ids.push(stdout.trim());
        }),
      ),
    ]);
  } finally {
    for (const editor of editors) editor.stop();
  }
  assert.deepEqual(said, [], 'nobody tells of a submission that somebody else is making');
  assert.ok(ids.length > 8, `${ids.length} submissions`);
  assert.equal(new Set(ids).size, ids.length);
  await until(() => jobsNamed('together'), 'all of them', (jobs) => jobs.length >= ids.length);
  assert.deepEqual((await jobsNamed('together')).sort(), [...ids].sort());
  assert.equal(await begun(), 0);
}); // prettier-ignore
