/** Texts with the line ends of Windows: every reader of a user's file takes them for what they are. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readProfiles } from '../../server/cluster/profiles';
import { hostAliases, sshSettings } from '../../server/cluster/ssh/configuration';
import { KnownHosts } from '../../server/cluster/ssh/known-hosts';
import { EDM_DOCKERFILE, readRecipe } from '../../server/dispatch/container/recipe';
import { appendRecord, historyFile, readHistory } from '../../server/history/history-store';
import { IGNORE_ALL, isIgnoredFolder } from '../../server/ignored-folder';
import { readConfig } from '../../server/runs/config';
import { readLevels } from '../../server/runs/levels-file';
import { analyse, fixAll } from '../../server/scripts/analyse';
import { ROOT, temporaryFolder } from '../server/workspace';
import { makeRecord } from './history-records';

/** The texts that one text is saved as. */
const FORMS: Readonly<Record<string, (text: string) => string>> = {
  LF: (text) => text,
  CRLF: (text) => text.replaceAll('\n', '\r\n'),
  'CRLF after a byte order mark': (text) => `\ufeff${text.replaceAll('\n', '\r\n')}`,
};

const CONFIG = '# a run\nnetwork: embedded:fashion-mnist\nseeds: 0-3\nfd:\n  reference: embedded:fashion-mnist\n';
const PROFILES =
  '# where jobs run\nclusters:\n  - name: c\n    host: h\n    setup:\n      - module load a\n      - |\n        b\n        c\n';
const SSH =
  'Host a b\n  HostName example.org\n  User me\n\nHost *\n  IdentityFile ~/.ssh/id_own # mine\n  ServerAliveInterval 7\n';
const KEY = Buffer.from('\0\0\0\x07ssh-rsa').toString('base64');

/** Readers of files, by what they read: what they make of a text. */
const READERS: Readonly<Record<string, { text: string; read: (file: string) => unknown }>> = {
  'a run config': { text: CONFIG, read: (file) => readConfig(readFileSync(file, 'utf8')).config },
  'its problems': {
    text: `${CONFIG}stepss: 4\n`,
    read: (file) => readConfig(readFileSync(file, 'utf8')).problems.map(({ id, range }) => [id, range]),
  },
  'a list of clusters': { text: PROFILES, read: (file) => readProfiles(readFileSync(file, 'utf8')).profiles },
  'noise levels': { text: '80\n10 # middle\n\n1\n0.002\n', read: readLevels },
  'the configuration of ssh': {
    text: SSH,
    read: (file) => [sshSettings('a', { file, home: '/home/me', environment: {} }), hostAliases({ file })],
  },
  'known hosts': {
    text: `# hosts\nexample.org ssh-rsa ${KEY}\n`,
    read: (file) => new KnownHosts([file]).judge('example.org', Buffer.from(KEY, 'base64')).verdict,
  },
  'a Dockerfile': { text: EDM_DOCKERFILE, read: async (file) => ({ ...(await readRecipe(file)), dockerfile: '' }) },
  'a Dockerfile that copies': {
    text: 'FROM a:1\nCOPY . /b\n',
    read: async (file) => ({ ...(await readRecipe(file)), dockerfile: '', context: '' }),
  },
};

for (const [name, { text, read }] of Object.entries(READERS))
  test(`${name}: the same with every line end`, async () => {
    const seen: unknown[] = [];
    for (const form of Object.values(FORMS)) {
      const file = path.join(temporaryFolder(), 'a.text');
      writeFileSync(file, form(text));
      seen.push(await read(file));
    }
    for (const other of seen) assert.deepEqual(other, seen[0]);
    assert.ok(seen[0] !== undefined);
  });

test('a history with the line ends of Windows has its records, and gets more', async () => {
  const root = temporaryFolder();
  const [one, two] = [makeRecord({ id: 'one', value: 1 }), makeRecord({ id: 'two', value: 2 })];
  await appendRecord(root, one);
  const file = historyFile(root);
  writeFileSync(file, FORMS.CRLF?.(readFileSync(file, 'utf8')) ?? '');
  await appendRecord(root, two);
  const { records, problems } = await readHistory(root);
  assert.deepEqual([records.map(({ value }) => value), problems], [[1, 2], []]);
});

test('a folder of results is known by its .gitignore with either line end', async () => {
  for (const form of [FORMS.LF, FORMS.CRLF]) {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, '.gitignore'), form?.(IGNORE_ALL) ?? '');
    assert.ok(await isIgnoredFolder(folder));
  }
});

test('a script has one error for all its line ends, which names .gitattributes; fixed, it is the script with LF', () => {
  const script = '#!/bin/bash\n#SBATCH --job-name=a\n#SBATCH --output=a-%j.out\n#SBATCH --time=00:10:00\necho hi\n';
  const plain = analyse(script).findings.map(({ id }) => id);
  const { findings } = analyse(script.replaceAll('\n', '\r\n'));
  const own = findings.filter(({ id }) => !plain.includes(id));
  assert.deepEqual(
    own.map(({ id }) => id),
    ['dos-line-ends'],
  );
  assert.match(own[0]?.remedy ?? '', /\.gitattributes/);
  assert.equal(fixAll(script.replaceAll('\n', '\r\n')), script);
});

const noCheckout = existsSync(path.join(ROOT, '.git')) ? false : 'this folder is not a checkout of git';

test('a checkout with core.autocrlf has the bytes of one without', { skip: noCheckout }, () => {
  const clone = path.join(temporaryFolder(), 'clone');
  execFileSync('git', ['clone', '-q', '-c', 'core.autocrlf=true', '--no-checkout', ROOT, clone]);
  // As the work tree has them, also before they are committed.
  writeFileSync(path.join(clone, '.git', 'info', 'attributes'), readFileSync(path.join(ROOT, '.gitattributes')));
  execFileSync('git', ['-C', clone, 'checkout', '-q', 'HEAD']);
  const list = execFileSync('git', ['-C', clone, 'ls-files', '--eol'], { encoding: 'utf8' }).trim().split('\n');
  const changed = list.filter((line) => /^i\/(\S*)\s+w\/(?!\1\s)/.test(line));
  assert.deepEqual(changed, []);
  assert.ok(list.length > 1000);
});
