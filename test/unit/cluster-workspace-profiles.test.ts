/** Clusters of several workspace folders. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { loadWorkspaceProfiles } from '../../server/cluster/workspace-profiles';

const top = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-folders-')));
after(() => rmSync(top, { recursive: true, force: true }));

function folder(name: string, clusters?: string): string {
  const made = path.join(top, name);
  mkdirSync(path.join(made, '.edm-workbench'), { recursive: true });
  if (clusters !== undefined)
    writeFileSync(path.join(made, '.edm-workbench', 'clusters.yaml'), `clusters:\n${clusters}`);
  return made;
}

const plain = folder('plain');
const one = folder('one', '  - name: alpha\n    host: a1\n  - name: shared\n    host: s1\n');
const two = folder('two', '  - name: beta\n    host: b1\n  - name: shared\n    host: s2\n');
const settings = [
  { name: 'own', host: 'o1' },
  { name: 'alpha', host: 'mine' },
];
const named = (profiles: readonly { name: string; host?: string }[]): string[] =>
  profiles.filter(({ name }) => name !== 'this-machine').map(({ name, host }) => `${name} ${host}`);

test('all folders, then the settings, whose own win; each says where it comes from', async () => {
  const { profiles, folderOf, problems, files } = await loadWorkspaceProfiles([plain, one, two], settings);
  assert.deepEqual(named(profiles), ['shared s1', 'beta b1', 'own o1', 'alpha mine']);
  assert.deepEqual(Object.fromEntries(folderOf), { shared: one, beta: two });
  assert.deepEqual([...files.keys()], [one, two]);
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? '', /^one: .*"alpha" is in your settings too/);
  assert.equal(problems[1], `Two folders name a cluster "shared": ${one} counts, ${two} does not`);
});

test('a broken file is named with its folder, and the others are read', async () => {
  const broken = folder('broken', '  - name: x\n    hots: y\n');
  const { profiles, problems } = await loadWorkspaceProfiles([broken, two], undefined);
  assert.deepEqual(named(profiles), ['beta b1', 'shared s2']);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /^broken: \.edm-workbench.clusters\.yaml:3: Unknown key "hots"/);
});

test('this machine is not offered twice where a folder has it under another name', async () => {
  const local = folder('local', '  - name: here\n    local: true\n');
  const { profiles } = await loadWorkspaceProfiles([plain, local], undefined);
  assert.deepEqual(
    profiles.map(({ name }) => name),
    ['here'],
  );
});

test('without a folder there are the settings', async () => {
  const { profiles, folderOf } = await loadWorkspaceProfiles([], settings);
  assert.deepEqual(named(profiles), ['own o1', 'alpha mine']);
  assert.equal(folderOf.size, 0);
});
