/** How far runs are: one command for all of a cluster, whatever stands in their files. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { identify } from '../../server/cluster/cluster';
import type { Host } from '../../server/cluster/host';
import { LocalHost } from '../../server/cluster/local-host';
import type { Scheduler } from '../../server/cluster/scheduler';
import { progressOf } from '../../server/dispatch/progress';
import type { Dispatch } from '../../server/shared/schema-types.gen';
import { temporaryFolder } from '../server/workspace';

/** A run folder with files. */
function runFolder(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, 'run', name)), { recursive: true });
    writeFileSync(path.join(folder, 'run', name), text);
  }
  return folder;
}

const dispatchOf = (folder: string, jobs: Dispatch['jobs']): Dispatch =>
  ({ token: folder, cluster: 'here', name: 'a', images: 500, folder, run: 'run', jobs }) as unknown as Dispatch;

test('an array by its tasks, fid.py by its bar, a run that is not there: one command', async () => {
  const array = runFolder({
    'images/000000.png': '',
    'images/000/000001.png': '',
    'images/notes.txt': '',
    'shards/1.progress.json': '{"phase":"Generating",\n"done":120,"total":250}',
    'shards/2.progress.json': '{"phase":"Measuring","done":5,"total":250,"note":"FD so far 3.2 (N = 5, not final)"}',
    'shards/3.progress.json': '{"phase":"Gener',
    'fid-9.out': 'run\nimages 77\n',
  });
  const edm = runFolder({
    'images/000000.png': '',
    'fid-41.out': '  5%|▍         | 39/782 [00:09<00:58, 12.75batch/s]',
    'fid-43.out': `${'noise '.repeat(200)}\rrun\r  5%|▍         | 39/782 [00:09<00:58, 12.75batch/s]\r 10%|█         | 79/782 [00:12<01:10,  9.95batch/s]`,
  });
  const commands: string[] = [];
  const local = new LocalHost();
  const host = Object.assign(Object.create(local) as Host, {
    run: (command: readonly string[]) => (commands.push(command.join(' ')), local.run(command)),
  });
  const scheduler = {} as Scheduler;
  const cluster = { profile: { name: 'here' }, host, files: host.files, scheduler, ...(await identify(local)) };
  const found = await progressOf(cluster, [
    dispatchOf(array, [
      { role: 'generate', token: 't', id: '7', tasks: 3 },
      { role: 'finish', token: 'u', id: '8' },
    ]),
    dispatchOf('/nowhere', [{ role: 'generate', token: 't', id: '10' }]),
    dispatchOf(edm, [
      { role: 'generate', token: 't', id: '42' },
      { role: 'fid', token: 'u', id: '43' },
    ]),
  ]);
  assert.equal(commands.length, 1);
  const note = 'FD so far 3.2 (N = 5, not final)';
  assert.deepEqual(
    found.map(({ done, jobs }) => ({ done, jobs })),
    [
      {
        done: 2,
        jobs: [
          { id: '7', progress: { phase: 'Images', done: 2, total: 500, note } },
          { id: '7', task: '1', progress: { phase: 'Generating', done: 120, total: 250 } },
          { id: '7', task: '2', progress: { phase: 'Measuring', done: 5, total: 250, note } },
        ],
      },
      { done: 0, jobs: [{ id: '10', progress: { phase: 'Images', done: 0, total: 500 } }] },
      {
        done: 1,
        jobs: [
          { id: '42', progress: { phase: 'Images', done: 1, total: 500 } },
          { id: '43', progress: { phase: 'Measuring', done: 79, total: 782 } },
        ],
      },
    ],
  );
});
