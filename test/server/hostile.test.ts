/** Configs that name files made to hurt: one finding, and the process lives. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { HoverRequest } from 'vscode-languageserver-protocol/node';
import { collidingMemo } from '../unit/colliding-memo';
import { HOSTILE_FILES } from '../unit/hostile-files';
import { textOf, TestServer } from './connection';
import { cli, CLI, temporaryFolder } from './workspace';

let folder: string;
let server: TestServer;
before(async () => {
  folder = temporaryFolder();
  server = await TestServer.start();
});
after(() => server.stop());

/** A config that names one of the hostile files. @returns the config's name */
function configOf(wanted: string): { config: string; says: RegExp } {
  const found = HOSTILE_FILES.find(({ name }) => name === wanted);
  assert.ok(found, wanted);
  return {
    config: configOfBytes(`hostile${HOSTILE_FILES.indexOf(found)}${found.suffix}`, found.bytes()),
    says: found.says,
  };
}

function configOfBytes(name: string, bytes: Uint8Array): string {
  writeFileSync(path.join(folder, name), bytes);
  writeFileSync(path.join(folder, `${name}.edm.yaml`), `network: ${name}\nseeds: 0-3\n`);
  return `${name}.edm.yaml`;
}

const SOME = ['a zip64 directory at 2^64 - 256', '2^40 lists as the name of a global', '2 GB by a stride of zero'];

test('lint says in one line what is wrong with them', () => {
  for (const name of SOME) {
    const { config, says } = configOf(name);
    const { status, stdout, stderr } = cli(folder, 'lint', config);
    assert.deepEqual({ status, stderr, lines: stdout.trim().split('\n').length }, { status: 1, stderr: '', lines: 1 });
    assert.match(stdout, says);
    assert.match(stdout, new RegExp(`^${config}:1:10: error: .*\\[not-a-network\\]`));
  }
});

test('import says the same, and exits with 2', () => {
  for (const name of [...SOME, 'a commit that is broken JSON']) {
    const { config, says } = configOf(name);
    const { status, stderr } = cli(folder, 'import', config.replace('.edm.yaml', ''), '--out', 'out.onnx');
    assert.equal(status, 2, stderr);
    assert.match(stderr, says);
    assert.equal(
      stderr
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('Error: ')).length,
      1,
      stderr,
    );
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('lint refuses a pipe at once', { skip: process.platform === 'win32' }, () => {
  execFileSync('mkfifo', [path.join(folder, 'n.pkl')]);
  writeFileSync(path.join(folder, 'pipe.edm.yaml'), 'network: n.pkl\n');
  const { status, stdout } = spawnSync(process.execPath, [CLI, 'lint', 'pipe.edm.yaml'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.equal(status, 1);
  assert.match(stdout, /n\.pkl is not a file but a pipe/);
});

test('the server answers after each of them, and shows the finding', async () => {
  for (const name of SOME) {
    const { config, says } = configOf(name);
    const text = readFileSync(path.join(folder, config), 'utf8');
    const uri = await server.open(path.join(folder, config), text, 'yaml');
    const found = await server.diagnostics(uri, (all) => all.length > 0);
    assert.deepEqual(
      found.map(({ code, range }) => [code, range.start.line]),
      [['not-a-network', 0]],
    );
    assert.match(textOf(found[0].message), says);
    assert.ok(
      await server.connection.sendRequest(HoverRequest.type, {
        textDocument: { uri },
        position: { line: 1, character: 2 },
      }),
    );
  }
  assert.equal(server.process.exitCode, null);
});

test('a file that takes too long is not checked, and not read again while one types', async () => {
  const config = configOfBytes('slow.pkl', collidingMemo(90_000));
  const text = 'network: slow.pkl\nseeds: 0-3\n';
  const uri = await server.open(path.join(folder, config), text, 'yaml');
  const [slow] = await server.diagnostics(uri, (all) => all.length > 0);
  assert.match(textOf(slow.message), /slow\.pkl took more than 2 s to read: not checked$/);
  assert.deepEqual([slow.code, slow.severity, slow.range.start.line], ['not-checked', 2, 0]);
  const started = performance.now();
  await server.change(uri, `${text}class: -1\n`);
  await server.diagnostics(uri, (all) => all.some(({ code }) => code === 'bad-value'));
  await server.change(uri, `${text}steps: 4\n`);
  await server.diagnostics(uri, (all) => all.length === 1 && all[0].code === 'not-checked');
  assert.ok(performance.now() - started < 1500, 'the file was read again');
});

/** The children of a process, by what they run. */
function childrenOf(pid: number): { pid: number; command: string }[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent]) => Number(parent) === pid)
    .map(([child, , ...command]) => ({ pid: Number(child), command: command.join(' ') }));
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A process that has ended and was not waited for is still listed.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const until = async (holds: () => boolean, what: string): Promise<void> => {
  for (const end = Date.now() + 20_000; !holds();) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
  test(
    `${signal} ends lint while a file is read, and no reader is left`,
    { skip: process.platform !== 'linux' },
    async () => {
      const config = configOfBytes('slow.pkl', collidingMemo(90_000));
      const child = spawn(process.execPath, [CLI, 'lint', config], { cwd: folder, stdio: 'ignore' });
      let readers: number[] = [];
      await until(() => {
        readers = childrenOf(child.pid!)
          .filter(({ command }) => command.includes('reader.js'))
          .map(({ pid }) => pid);
        return readers.length > 0;
      }, 'a reader is started');
      const started = performance.now();
      const ended = new Promise((resolve) => child.on('exit', (code, killed) => resolve(killed ?? code)));
      child.kill(signal);
      assert.equal(await ended, signal === 'SIGKILL' ? 'SIGKILL' : 130);
      assert.ok(performance.now() - started < 1500);
      // Of one that is killed, the reader hears once it has read, or ends itself.
      await until(() => readers.every((pid) => !isAlive(pid)), 'the reader ends');
    },
  );
}

test('a config that names no file starts no reader', () => {
  writeFileSync(path.join(folder, 'embedded.edm.yaml'), 'network: https://example.com/net.pkl\nseeds: 0-3\n');
  const { status, stdout } = cli(folder, 'lint', 'embedded.edm.yaml');
  assert.deepEqual({ status, stdout }, { status: 0, stdout: '' });
});
