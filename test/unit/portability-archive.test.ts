/** Archives that are packed without a program for it: GNU tar reads them, and the machine that packed leaves no trace. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { packedFiles } from '../../server/dispatch/program-archive';
import { temporaryFolder } from '../server/workspace';

/** A name of 100 bytes and a longer one, which a header has in two parts. */
const LONG = [`${'a'.repeat(60)}/${'b'.repeat(39)}`, `${'c'.repeat(90)}/${'d'.repeat(60)}/${'e'.repeat(95)}`];
const FILES: Readonly<Record<string, Buffer>> = {
  'top.json': Buffer.from('{}\n'),
  empty: Buffer.alloc(0),
  'of a block': Buffer.alloc(512, 7),
  'folder/inner/näme': Buffer.from('ä'),
  'folder/large': Buffer.alloc(3_000_001, 'x'),
  ...Object.fromEntries(LONG.map((name) => [name, Buffer.from(name)])),
};

function folderWith(mode: number, time: number): string {
  const root = temporaryFolder();
  for (const [name, bytes] of Object.entries(FILES)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    chmodSync(file, mode);
    utimesSync(file, time, time);
  }
  return root;
}

async function pack(root: string, names: readonly string[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of packedFiles(root, names)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const NAMES = ['top.json', 'empty', 'of a block', 'folder', ...LONG];

test('GNU tar unpacks what was packed: names, bytes, and 0644 whatever the files had', async () => {
  const root = folderWith(0o666, 1e9);
  const archive = path.join(temporaryFolder(), 'a.tar');
  writeFileSync(archive, await pack(root, NAMES));
  assert.match(execFileSync('tar', ['--version'], { encoding: 'utf8' }), /GNU tar/);
  const listed = execFileSync('tar', ['-tvf', archive, '--numeric-owner', '--quoting-style=literal'], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
  assert.equal(listed.length, Object.keys(FILES).length);
  for (const line of listed) assert.match(line, /^-rw-r--r-- 0\/0 /);
  const out = temporaryFolder();
  const { status, stderr } = spawnSync('tar', ['-xf', archive, '-C', out], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  for (const [name, bytes] of Object.entries(FILES)) {
    assert.ok(readFileSync(path.join(out, name)).equals(bytes), name);
    assert.equal(statSync(path.join(out, name)).mode & 0o777, 0o644);
  }
});

test('the same files make the same bytes, whatever their permissions and times; links are packed as what they lead to', async () => {
  const [one, other] = [folderWith(0o666, 1e9), folderWith(0o700, 1.5e9)];
  const packed = await pack(one, NAMES);
  assert.ok(packed.equals(await pack(other, NAMES)));
  symlinkSync(path.join(one, 'folder'), path.join(other, 'link'));
  const linked = await pack(other, ['link']);
  assert.ok(linked.includes(Buffer.alloc(1000, 'x')) && linked.includes('link/inner'));
});

test('what a header cannot say is refused, and so is a file that is not there', async () => {
  const root = folderWith(0o644, 1e9);
  const name = 'f'.repeat(101);
  writeFileSync(path.join(root, name), '');
  await assert.rejects(pack(root, [name]), /too long to be packed/);
  await assert.rejects(pack(root, ['none']), { code: 'ENOENT' });
});
