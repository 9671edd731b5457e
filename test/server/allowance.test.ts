/** A repository's clusters and dispatches: nothing of them runs before the user has allowed the file's content. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { before, test } from 'node:test';
import * as protocol from '../../server/shared/protocol';
import { until } from '../until';
import { TestServer } from './connection';
import { CLI, repository, temporaryFolder, type Ran } from './workspace';

const base = temporaryFolder();
const [home, bin] = [path.join(base, 'home'), path.join(base, 'bin')];
const RAN = path.join(base, 'SETUP-RAN');
const environment: NodeJS.ProcessEnv = {
  ...process.env,
  HOME: home,
  XDG_STATE_HOME: '',
  PATH: `${bin}:${process.env.PATH}`,
};

const CLUSTERS = `clusters:
  - name: here
    local: true
    patience_seconds: 1
    setup: ["touch ${RAN}"]
`;
const DISPATCH = {
  ...{
    version: 1,
    token: 'abcdefghijkmnpqr',
    cluster: 'here',
    engine: 'workbench',
    name: 'n',
    config_file: 'a.edm.yaml',
  },
  ...{
    state: 'submitted',
    created: '2026-11-01T00:00:00Z',
    checkout: '0'.repeat(40),
    fingerprint: 'f',
    seeds: '0-1',
    images: 2,
  },
  code: {
    commit: '0'.repeat(40),
    short: '0000000',
    dirty: false,
    branch: 'm',
    subject: 's',
    author: 'a',
    date: '2026-11-01T00:00:00Z',
  },
  ...{ run: 'r', folder: path.join(base, 'payload'), jobs: [], fetched: [], notes: [] },
};

before(() => {
  mkdirSync(bin);
  mkdirSync(path.join(base, 'payload', 'r'), { recursive: true });
  writeFileSync(path.join(base, 'payload', 'r', 'log.txt'), 'payload');
  mkdirSync(home);
  // Stand-ins for a Slurm that knows no job.
  const says: Record<string, string> = { sbatch: 'slurm 22.05.8', squeue: '', sacct: '', scontrol: '', sinfo: '' };
  for (const [name, text] of Object.entries(says)) {
    writeFileSync(
      path.join(bin, name),
      `#!/bin/sh\n[ "$1" != --version ] || echo 'slurm 22.05.8'\n[ -z '${text}' ] || true\nexit 0\n`,
    );
    chmodSync(path.join(bin, name), 0o755);
  }
});

/** A repository that came from elsewhere, with its dispatch. */
function foreign(local?: string): string {
  return repository({
    'a.edm.yaml': 'network: embedded:fashion-mnist\n',
    '.edm-workbench/clusters.yaml': CLUSTERS,
    [`.edm-workbench/dispatches/${DISPATCH.token}.json`]: JSON.stringify({
      ...DISPATCH,
      ...(local !== undefined && { local }),
    }),
  });
}

/** A command in a session without a terminal. */
function run(folder: string, ...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync('setsid', ['-w', process.execPath, CLI, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
  });
  return { status, stdout, stderr };
}

/** A command on a terminal of its own, and what is typed there. */
function onTerminal(folder: string, typed: string, ...args: string[]): Ran {
  const line = [process.execPath, CLI, ...args].join(' ');
  const { status, stdout, stderr } = spawnSync('script', ['-qefc', line, '/dev/null'], {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
    input: typed,
  });
  return { status, stdout, stderr };
}

test('the command line: one line and exit 2 until the content was allowed, and again when it changes', () => {
  const folder = foreign();
  for (const command of [
    ['connect-check'],
    ['queue'],
    ['pull'],
    ['cancel', '1'],
    ['submit', 'a.edm.yaml'],
    ['snapshot', '-o', 'x.json'],
  ]) {
    // prettier-ignore
    const { status, stdout, stderr } = run(folder, ...command, '--cluster', 'here');
    assert.deepEqual([status, stdout], [2, ''], command.join(' '));
    assert.match(stderr, /^Error: .*clusters\.yaml was not allowed .*run "edm-workbench clusters allow"[^\n]*\n$/m);
  }
  assert.match(run(folder, 'clusters').stderr, /clusters\.yaml was not allowed/);
  assert.ok(!existsSync(RAN), 'no setup line ran');

  const asked = run(folder, 'clusters', 'allow');
  assert.equal(asked.status, 2);
  assert.match(
    asked.stderr,
    /here: runs commands on this machine\n +here: runs first: touch .*\n.*--yes allows what is listed/,
  );
  const allowed = run(folder, 'clusters', 'allow', '--yes');
  assert.deepEqual([allowed.status, allowed.stdout], [0, 'Allowed until the file changes\n'], allowed.stderr);
  assert.equal(run(folder, 'queue', '--cluster', 'here').status, 0);
  const state = path.join(home, '.local', 'state', 'edm-workbench', 'allowed-clusters');
  const [record = ''] = readdirSync(state);
  assert.equal(statSync(path.join(state, record)).mode & 0o777, 0o600);

  writeFileSync(path.join(folder, '.edm-workbench', 'clusters.yaml'), `${CLUSTERS}# changed\n`);
  assert.equal(run(folder, 'queue', '--cluster', 'here').status, 2);
  const other = foreign();
  assert.equal(
    run(other, 'queue', '--cluster', 'here').status,
    2,
    'the same content at another place is another question',
  );
});

test('on a terminal what it does is shown, and only a yes allows it', () => {
  const folder = foreign();
  for (const typed of ['\r', 'n\r', 'x\r']) {
    const no = onTerminal(folder, typed, 'connect-check', '--cluster', 'here');
    assert.equal(no.status, 2, no.stdout);
    assert.match(no.stdout, /here: runs first: touch [^\n]*\r?\n.*Allow this content \(y\/N\)\?/);
  }
  const yes = onTerminal(folder, 'y\r', 'connect-check', '--cluster', 'here');
  assert.equal(yes.status, 0, yes.stdout);
  assert.equal(run(folder, 'connect-check', '--cluster', 'here').status, 0, 'and is remembered');
});

/** A server and what it asked. */
async function serve(answer?: boolean): Promise<{ server: TestServer; asked: protocol.AllowClustersParams[] }> {
  const variables = ['HOME', 'PATH', 'XDG_STATE_HOME'].map((name) => `${name}=${environment[name] ?? ''}`);
  const server = await TestServer.start(['env', ...variables]);
  const asked: protocol.AllowClustersParams[] = [];
  if (answer !== undefined)
    server.connection.onRequest(protocol.allowClustersRequest, (params) => (asked.push(params), answer));
  return { server, asked };
}

test('opening the folder in the editor runs nothing and writes nothing, inside or outside', async () => {
  for (const local of [undefined, '../outside', 'r']) {
    for (const answer of [undefined, false]) {
      const folder = foreign(local);
      const { server, asked } = await serve(answer);
      try {
        const before = readdirSync(folder).sort();
        for (let times = 0; times < 2; times++) {
          const infos = await server.connection.sendRequest(protocol.clustersRequest, { folders: [folder] });
          assert.deepEqual(infos.map(({ profile, connection, notAllowed }) => [profile.name, connection, notAllowed]), [['here', 'disconnected', true]]); // prettier-ignore
        }
        await sleep(700); // whatever were to run at the start has begun by now
        assert.equal(asked.length, answer === undefined ? 0 : 1, 'a folder is asked about once');
        const { dispatches, problems } = await server.connection.sendRequest(protocol.dispatchesRequest, { folder });
        assert.deepEqual([dispatches.length, problems.length], local === '../outside' ? [0, 1] : [1, 0]);
        for (const refused of [
          server.connection.sendRequest(protocol.watchRequest, {
            cluster: 'here',
            attention: 'visible',
            whose: 'mine',
          }),
          server.connection.sendRequest(protocol.connectRequest, { cluster: 'here' }),
          server.connection.sendRequest(protocol.pullRequest, { folder, token: 'abc' }),
        ])
          await assert.rejects(refused, /not allowed on this machine yet|submitted runs of this workspace begin/);
        assert.ok(!existsSync(RAN), 'no setup line ran');
        assert.deepEqual(readdirSync(folder).sort(), before);
        assert.ok(!existsSync(path.join(folder, '..', 'outside')));
      } finally {
        server.stop();
      }
    }
  }
});

test('once the user agrees in the editor, their runs of before are looked at; those of the repository when they ask', async () => {
  const folder = foreign();
  // One of the user's own: git ignores it.
  const dispatches = path.join(folder, '.edm-workbench', 'dispatches');
  writeFileSync(path.join(dispatches, '.gitignore'), '*\n');
  const own = { ...DISPATCH, token: 'zzzzzzzzzzzzzzzz', run: 'own', folder: path.join(base, 'payload') };
  mkdirSync(path.join(base, 'payload', 'own'), { recursive: true });
  writeFileSync(path.join(base, 'payload', 'own', 'log.txt'), 'my own');
  writeFileSync(path.join(dispatches, `${own.token}.json`), JSON.stringify(own));
  const { server, asked } = await serve(true);
  try {
    const infos: protocol.ClusterInfo[] = [];
    server.connection.onNotification(protocol.clusterNotification, (info) => void infos.push(info));
    const ended: protocol.DispatchEnd[] = [];
    server.connection.onNotification(protocol.dispatchEndNotification, (end) => void ended.push(end));
    await server.connection.sendRequest(protocol.clustersRequest, { folders: [folder] });
    await until(() => infos.length > 0, 'the clusters told of anew');
    assert.deepEqual([infos[0]?.notAllowed, infos[0]?.connection], [undefined, 'connected']);
    assert.deepEqual(
      asked.map(({ effects, wanted }) => [effects.length, wanted]),
      [[2, false]],
    );
    await until(() => ended.length > 0, 'the end of the run');
    assert.ok(existsSync(RAN), 'this test can see a setup line run');
    assert.equal(readFileSync(path.join(folder, 'own', 'log.txt'), 'utf8'), 'my own');
    await sleep(500);
    assert.ok(!existsSync(path.join(folder, 'r')), 'what was committed is only shown');
    assert.deepEqual(
      ended.map(({ dispatch }) => dispatch.token),
      [own.token],
    );
    // Nothing says how it ended: its log comes when the patience with it has ended.
    await until(async () => {
      await server.connection.sendRequest(protocol.pullRequest, { folder, token: DISPATCH.token });
      return existsSync(path.join(folder, 'r', 'log.txt'));
    }, 'its log');
    assert.equal(readFileSync(path.join(folder, 'r', 'log.txt'), 'utf8'), 'payload');
  } finally {
    server.stop();
  }
});

test('a cluster that the user adds in the editor needs no second yes, unless the file was a stranger', async () => {
  const own = repository({ 'a.edm.yaml': 'network: embedded:fashion-mnist\n' });
  const strange = foreign();
  const { server } = await serve();
  try {
    for (const [folder, notAllowed] of [
      [own, undefined],
      [strange, true],
    ] as const) {
      await server.connection.sendRequest(protocol.addClusterRequest, {
        folder,
        profile: { name: 'mine', host: 'mine' },
      });
      const infos = await server.connection.sendRequest(protocol.clustersRequest, { folders: [folder] });
      assert.equal(infos.find(({ profile }) => profile.name === 'mine')?.notAllowed, notAllowed);
    }
  } finally {
    server.stop();
  }
});
