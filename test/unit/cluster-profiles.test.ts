import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import {
  defaultCluster,
  loadProfiles,
  pollSeconds,
  profileNamed,
  readProfiles,
  settingsProfiles,
} from '../../server/cluster/profiles';
import { newToken, tokenIn, tokenTag } from '../../server/cluster/token';

const folder = mkdtempSync(path.join(os.tmpdir(), 'profiles-'));
after(() => rmSync(folder, { recursive: true }));

const TEXT = `clusters:
  - name: rysy
    host: hpc
    via: rysy
    poll_seconds: 60
    setup: [module load apptainer]
  - name: here
    local: true
`;

test('a file of clusters', () => {
  const { profiles, problems } = readProfiles(TEXT);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    profiles.map(({ name, via, local }) => ({ name, via, local })),
    [
      { name: 'rysy', via: 'rysy', local: undefined },
      { name: 'here', via: undefined, local: true },
    ],
  );
  assert.deepEqual(profiles.map(pollSeconds), [60, 15]);
});

for (const [what, text, line, message] of [
  ['a tab in the YAML', 'clusters:\n\t- name: a\n', 1, /[Tt]ab/],
  ['an unknown key', TEXT.replace('    via', '    vai'), 3, /Unknown key "vai": did you mean "via"/],
  ['a floor below ten seconds', TEXT.replace('60', '2'), 4, /poll_seconds must be at least 10/],
  ['another scheduler', TEXT.replace('local: true', 'scheduler: pbs'), 7, /one of auto, slurm, lsf/],
  ['a name that could be a path', TEXT.replace('name: here', 'name: ../x'), 6, /letters, digits/],
  ['a name used twice', TEXT.replace('name: here', 'name: rysy'), 6, /two clusters named "rysy"/],
  ['neither host nor local', TEXT.replace('    local: true\n', ''), 6, /needs a host/],
  ['no list at all', 'name: a\n', 0, /Unknown key|missing/],
] as const)
  test(`${what} is told with its line`, () => {
    const { profiles, problems } = readProfiles(text);
    assert.deepEqual(profiles, []);
    const [problem] = problems;
    assert.match(problem?.message ?? '', message);
    assert.equal(problem?.range?.start.line, line);
  });

test('settings are checked by the same schema', () => {
  assert.deepEqual(settingsProfiles(undefined), { profiles: [], problems: [] });
  assert.equal(settingsProfiles([{ name: 'a', host: 'a' }]).profiles.length, 1);
  assert.match(settingsProfiles([{ name: 'a', hosst: 'a' }]).problems[0]?.message ?? '', /did you mean "host"/);
});

test('file, settings and this machine become one list', async () => {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'bsub'), '#!/bin/sh\n');
  chmodSync(path.join(bin, 'bsub'), 0o755);
  mkdirSync(path.join(folder, '.edm-workbench'));
  writeFileSync(path.join(folder, '.edm-workbench', 'clusters.yaml'), 'clusters: [{name: a, host: from-file}]\n');
  const settings = [
    { name: 'a', host: 'from-settings' },
    { name: 'b', host: 'b' },
  ];
  const loaded = await loadProfiles({ folder, settings, environment: { PATH: bin } });
  assert.deepEqual(loaded.profiles, [
    { name: 'a', host: 'from-settings' },
    { name: 'b', host: 'b' },
    { name: 'this-machine', local: true, scheduler: 'lsf' },
  ]);
  assert.match(loaded.problems.join(), /clusters\.yaml: "a" is in your settings too, and your own is used/);
  assert.deepEqual(loaded.workspace?.profiles, []);
  assert.equal(profileNamed(loaded, 'b').host, 'b');
  assert.throws(() => profileNamed(loaded, 'this-machin'), /did you mean "this-machine"/);
  const named = await loadProfiles({ settings: [{ name: 'x', local: true }], environment: { PATH: bin } });
  assert.deepEqual(
    named.profiles.map(({ name }) => name),
    ['x'],
    'this machine is not listed twice',
  );
  writeFileSync(path.join(folder, '.edm-workbench', 'clusters.yaml'), 'clusters:\n  - host: x\n');
  const broken = await loadProfiles({ folder, environment: {} });
  assert.deepEqual(broken.profiles, []);
  assert.match(broken.problems[0] ?? '', /clusters\.yaml:2: "name" is missing/);
  assert.throws(() => profileNamed(broken, 'x'), /clusters\.yaml:2/);
});

test('a script that names no cluster is meant for the only one that was written down', () => {
  const [a, b, here] = [
    { name: 'a', host: 'a' },
    { name: 'b', host: 'b' },
    { name: 'this-machine', local: true },
  ];
  assert.equal(defaultCluster([a, here]), a);
  assert.equal(defaultCluster([here]), here);
  assert.equal(defaultCluster([a, b, here]), undefined);
  assert.equal(defaultCluster([]), undefined);
});

test('a token is found in whatever a scheduler makes of the comment', () => {
  const token = newToken();
  assert.equal(token.length, 16);
  assert.notEqual(newToken(), token);
  assert.equal(tokenIn(`sbatch --parsable --comment=${tokenTag(token)} my own words`), token);
  assert.equal(tokenIn('(null)'), undefined);
  assert.equal(tokenIn(`xedm:${token}`), undefined);
});
