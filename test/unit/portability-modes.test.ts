/** Permissions of files that are copied to and from hosts: Windows reports 0666 of every file that can be written. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { CommandFiles } from '../../server/cluster/command-files';
import type { FileStore } from '../../server/cluster/file-store';
import { localFiles, LocalHost } from '../../server/cluster/local-host';

const folder = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-modes-'));
after(() => rmSync(folder, { recursive: true }));

const STORES: Readonly<Record<string, FileStore>> = {
  'files of this machine': localFiles,
  'files of a host that only runs commands': new CommandFiles(new LocalHost()),
};
const modeOf = (file: string): string => (statSync(file).mode & 0o7777).toString(8);

for (const [name, store] of Object.entries(STORES)) {
  test(`${name}: a copy has 0644, whatever the source has`, async () => {
    for (const mode of [0o666, 0o777, 0o4755, 0o600, 0o444]) {
      const from = path.join(folder, `from-${mode}`);
      const to = path.join(folder, name, `to-${mode}`);
      writeFileSync(from, `content ${mode}`);
      chmodSync(from, mode);
      await store.upload(from, to);
      assert.equal(modeOf(to), '644', `sent as ${mode.toString(8)}`);
      await store.download(to, `${from}-back`);
      assert.equal(modeOf(`${from}-back`), '644');
      assert.equal(readFileSync(`${from}-back`, 'utf8'), `content ${mode}`);
    }
  });

  test(`${name}: what is written has the permissions that were asked for`, async () => {
    for (const mode of [undefined, 0o755, 0o600]) {
      const file = path.join(folder, `written-${mode}`);
      await store.write(file, 'x', mode);
      assert.equal(modeOf(file), (mode ?? 0o644).toString(8));
    }
  });
}
