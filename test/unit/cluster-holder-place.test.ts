import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { allHolders } from '../../server/cluster/holder/holder-place';
import { ownState } from '../cluster/allow';

/** The folder in which holders leave word, made by the first look. */
async function folderOfHolders(): Promise<string> {
  const state = ownState();
  assert.deepEqual(await allHolders(), []);
  const [name] = readdirSync(state, { recursive: true, encoding: 'utf8' }).sort((a, b) => b.length - a.length);
  return path.join(state, name);
}

test('holders that come and go while all are looked for: those that stay are found, and nothing fails', async () => {
  const folder = await folderOfHolders();
  const facts = (id: string): string => path.join(folder, `${id}.json`);
  writeFileSync(facts('f'.repeat(16)), JSON.stringify({ destination: 'stays', pid: 1 }), { mode: 0o600 });
  let ends = false;
  const others = Array.from({ length: 8 }, async (_, nth) => {
    const file = facts(String(nth).repeat(16));
    while (!ends) {
      await writeFile(`${file}.new`, '{"destination":"goes","pid":2}', { mode: 0o600 });
      await rename(`${file}.new`, file);
      await rm(file);
      await sleep(0);
    }
  });
  for (let nth = 0; nth < 300; nth++) {
    const found = (await allHolders()).filter(({ facts: { destination } }) => destination === 'stays');
    assert.equal(found.length, 1);
  }
  ends = true;
  await Promise.all(others);
  chmodSync(facts('f'.repeat(16)), 0o644);
  await assert.rejects(allHolders(), /can be used by others/);
  await rm(facts('f'.repeat(16)));
  mkdirSync(facts('e'.repeat(16)));
  await assert.rejects(allHolders(), /is not what it should be/);
});
