/** The language server as two windows in a row start it: each end of a job is told once between them. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as protocol from '../../server/shared/protocol';
import { TestServer } from '../server/connection';
import { allowClusters } from './allow';
import { TestBed } from './bed';
import { Logins } from './logins';
import { until } from '../until';

let bed: TestBed;
let logins: Logins;
before(async () => {
  bed = await TestBed.start({ accounting: false });
  logins = new Logins(bed);
  bed.giveSshConfig(logins.scratch, 'keyonly');
  mkdirSync(path.join(logins.scratch, '.edm-workbench'));
  writeFileSync(
    path.join(logins.scratch, '.edm-workbench', 'clusters.yaml'),
    'clusters:\n  - {name: bed, host: inner, poll_seconds: 10}\n',
  );
  await allowClusters(logins.scratch);
});
after(async () => {
  logins?.close();
  await bed?.stop();
});

/** A server with its queue watched. */
async function window(): Promise<{ server: TestServer; states: protocol.QueueState[] }> {
  const server = await TestServer.start(['env', `HOME=${logins.scratch}`]);
  const states: protocol.QueueState[] = [];
  server.connection.onNotification(protocol.queueNotification, (state) => void states.push(state));
  await server.connection.sendRequest(protocol.clustersRequest, { folders: [logins.scratch] });
  await server.connection.sendRequest(protocol.connectRequest, { cluster: 'bed' });
  await server.connection.sendRequest(protocol.watchRequest, { cluster: 'bed', attention: 'visible', whose: 'mine' });
  return { server, states };
}
const ended = (states: readonly protocol.QueueState[]): string[] =>
  states.flatMap(({ ended: jobs }) => jobs.map(({ id }) => id));

test('a job that ended before the restart is known, not told again; one that goes on is told by the next', { timeout: 600_000 }, async () => {
  const first = await window();
  const submit = async (line: string): Promise<string> => {
    const text = `#!/bin/bash\n#SBATCH --time=10\n${line}\n`;
    const params = { cluster: 'bed', script: path.join(logins.scratch, 'job.slurm'), text, folder: '~' };
    return (await first.server.connection.sendRequest(protocol.submitRequest, params)).id;
  };
  await until(() => first.states.length > 0, 'the first answer');
  const [short, long] = [await submit('true'), await submit('sleep 600')];
  await until(() => ended(first.states).length > 0, 'the end of the short one');
  await until(() => first.states.at(-1)?.jobs.some(({ id, state }) => id === long && state === 'running') === true, 'the long one'); // prettier-ignore
  assert.deepEqual(ended(first.states), [short]);
  first.server.process.kill('SIGKILL'); // as an editor that crashes
  first.server.stop();

  const second = await window();
  await until(() => second.states.length > 0, 'the first answer of the next');
  assert.deepEqual(ended(second.states), []);
  assert.ok(second.states[0].finished.some(({ id, state }) => id === short && state === 'done'));
  await second.server.connection.sendRequest(protocol.jobActionRequest, { cluster: 'bed', action: 'cancel', ids: [long] });
  await until(() => ended(second.states).length > 0, 'the end of the long one');
  const polls = second.states.length;
  await until(() => second.states.length > polls, 'one more answer');
  assert.deepEqual(ended(second.states), [long]);
  second.server.stop();
}); // prettier-ignore
