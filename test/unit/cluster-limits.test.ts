/** However much a cluster sends, a bounded part of it is kept in memory. */
import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Cluster } from '../../server/cluster/cluster';
import { CommandFiles } from '../../server/cluster/command-files';
import { LocalHost, localFiles } from '../../server/cluster/local-host';
import { LineReader } from '../../server/cluster/log-follower';
import { readRemoteJson } from '../../server/dispatch/remote-json';
import { UserError } from '../../server/errors';
import { temporaryFolder } from '../server/workspace';

const folder = temporaryFolder();
const host = new LocalHost();

test('the output of a program', async () => {
  await assert.rejects(host.run(['sh', '-c', 'cat /dev/zero']), /^UserError: sh on this machine printed more than 256 MiB and was stopped$/); // prettier-ignore
  assert.equal((await host.run(['head', '-c', '3000000', '/dev/zero'])).stdout.length, 3_000_000);
});

test('a file that is read whole', async () => {
  const file = path.join(folder, 'large');
  writeFileSync(file, 'x');
  truncateSync(file, 1e12); // with nothing in it
  for (const files of [localFiles, new CommandFiles(host)]) {
    await assert.rejects(files.read(file), /Cannot read .*large.*: it has more than 64 MiB/);
    assert.equal((await files.read(file, 0, 5)).toString(), 'x\0\0\0\0');
  }
  await assert.rejects(localFiles.read('/dev/zero'), /it has more than 64 MiB/);
});

test('JSON of a run folder: what is too large or not JSON is one line', async () => {
  const cluster = { profile: { name: 'here' }, files: localFiles } as unknown as Cluster;
  const write = (text: string): string => {
    const file = path.join(folder, 'run.json');
    writeFileSync(file, text);
    return file;
  };
  const fails = (text: string, message: RegExp): Promise<void> =>
    assert.rejects(
      readRemoteJson(cluster, write(text)),
      (error) => error instanceof UserError && message.test(error.message),
    );
  assert.deepEqual(await readRemoteJson(cluster, write('{"a": 1}')), { a: 1 });
  assert.equal(await readRemoteJson(cluster, path.join(folder, 'none')), undefined);
  await fails(`"${'x'.repeat(17 << 20)}"`, /run\.json on here is larger than 16 MiB/);
  await fails('{"a": ', /run\.json on here is not JSON/);
});

test('a log without line ends is shown in parts', () => {
  const lines = new LineReader();
  const piece = Buffer.alloc(1 << 20, 'x');
  const shown = [1, 2, 3, 4, 5].flatMap(() => lines.take(piece).lines);
  assert.ok(shown.length >= 2);
  assert.equal([...shown, ...lines.end().lines].join('').length, 5 << 20, 'and nothing of it is lost');
});
