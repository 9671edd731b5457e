/** Files that another program holds, as a virus scanner does on Windows: what is renamed or removed is tried again. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { createOnce, moveIntoPlace, writeAtomically } from '../../server/atomic-file';
import { Claim } from '../../server/claim';
import { localFiles } from '../../server/cluster/local-host';
import { removeFile, renameOver, whileHeld } from '../../server/held-file';
import { asUserError } from '../../server/system-error';

const ROOT = path.join(__dirname, '..', '..');
let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-held-'))));
afterEach(() => {
  mock.restoreAll();
  rmSync(folder, { recursive: true, force: true });
});

/** An error as Windows gives it. */
const held = (code: string, syscall: string): Error =>
  Object.assign(new Error(`${code}: operation not permitted, ${syscall} 'a' -> 'b'`), { code, syscall, errno: -4048 });

/** Lets the first calls of a function of node:fs/promises fail. @returns how often it was called */
function failing(name: 'rename' | 'rm' | 'link', times: number, code: string): () => number {
  const original = fs[name] as (...args: unknown[]) => Promise<void>;
  let calls = 0;
  mock.method(fs, name, (...args: unknown[]) =>
    ++calls <= times ? Promise.reject(held(code, name)) : original(...args),
  );
  return () => calls;
}

for (const code of ['EPERM', 'EBUSY', 'EACCES'])
  test(`${code}: a file that is held for a moment is written, moved, claimed and removed all the same`, async () => {
    const at = (name: string): string => path.join(folder, name);
    failing('rename', 3, code);
    await writeAtomically(at('written'), Buffer.from('new'));
    assert.equal(readFileSync(at('written'), 'utf8'), 'new');
    mock.restoreAll();
    failing('rename', 2, code);
    failing('link', 1, 'EPERM');
    await createOnce(at('once'), 'one');
    mock.restoreAll();
    writeFileSync(at('part'), 'moved');
    failing('rename', 2, code);
    await moveIntoPlace(at('part'), at('moved'));
    mock.restoreAll();
    failing('rename', 2, code);
    await localFiles.write(at('host'), 'host');
    mock.restoreAll();
    const removals = failing('rm', 2, code);
    const claim = await Claim.take(folder, 'work');
    assert.ok(claim);
    await claim.release();
    assert.ok(removals() > 2);
    mock.restoreAll();
    assert.deepEqual(readdirSync(folder).sort(), ['host', 'moved', 'once', 'written']);
  });

test('a file is waited for ten seconds, not longer; any other error ends it at once', async () => {
  const waits: number[] = [];
  const wait = (ms: number): Promise<void> => Promise.resolve(void waits.push(ms));
  const busy = held('EBUSY', 'rename');
  await assert.rejects(
    whileHeld(() => Promise.reject(busy), wait),
    (error) => error === busy,
  );
  assert.equal(
    waits.reduce((a, b) => a + b),
    10_000,
  );
  assert.ok(Math.max(...waits) <= 500);
  waits.length = 0;
  await assert.rejects(whileHeld(() => Promise.reject(held('ENOSPC', 'rename')), wait));
  assert.deepEqual(waits, []);
  await assert.rejects(renameOver(path.join(folder, 'none'), path.join(folder, 'other')), { code: 'ENOENT' });
  await removeFile(path.join(folder, 'none'));
  assert.match(String(asUserError(busy)), /Cannot rename: .*another program has held it for ten seconds/);
});

test('only held-file.ts renames, and it alone removes but where a file must be removed once', () => {
  const sources = readdirSync(path.join(ROOT, 'server'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({
      name: name.split(path.sep).join('/'),
      text: readFileSync(path.join(ROOT, 'server', name), 'utf8'),
    }));
  const using = (words: RegExp): string[] =>
    sources.flatMap(({ name, text }) => {
      const imports = [...text.matchAll(/import \{([^}]*)\} from '(?:node:)?fs(?:\/promises)?'/g)].map(
        ([, list]) => list,
      );
      const isNamed = imports.some((list) => list?.split(',').some((one) => words.test(one.trim())));
      const isMember = [...text.matchAll(/\b(?:fs|promises)\.(\w+)\(/g)].some(([, member = '']) => words.test(member));
      return isNamed || isMember ? [name] : [];
    });
  assert.deepEqual(using(/^rename(?:Sync)?$/), ['held-file.ts']);
  // Left-overs are removed where that is possible; a socket and a proof belong to their holder. OpenSSH is not used on Windows.
  const removing = [
    'atomic-file.ts',
    'cluster/holder/holder-place.ts',
    'cluster/holder/holder-server.ts',
    'cluster/openssh/master.ts',
    'cluster/openssh/shared-client.ts',
    'held-file.ts',
  ];
  assert.deepEqual(using(/^(?:rm|unlink)(?:Sync)?$/).sort(), removing);
  assert.ok(existsSync(path.join(ROOT, 'server', 'held-file.ts')));
});
