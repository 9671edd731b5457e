/** Programs that came with a workspace are never started in place of those of this machine. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import { LocalHost } from '../../server/cluster/local-host';
import { git, gitVersion, pushCommit } from '../../server/git-process';
import { repositoryRoot } from '../../server/git';
import { environmentFor, programFolders, programNamed } from '../../server/programs';
import { examine } from '../../server/runs/doctor';
import { schedulerHere } from '../../server/scheduler-here';
import { temporaryFolder } from '../server/workspace';

const own = { PATH: process.env.PATH ?? '', cwd: process.cwd() };
afterEach(() => {
  process.env.PATH = own.PATH;
  process.chdir(own.cwd);
});

const NAMES = ['git', 'ssh', 'docker', 'podman', 'nvidia-smi', 'node', 'sbatch', 'tool'];

/** A repository that brings programs under the names that are started, at its top and in a folder; each leaves a mark. */
function workspaceWithPrograms(): { folder: string; mark: string } {
  const folder = temporaryFolder();
  const mark = path.join(temporaryFolder(), 'started');
  execFileSync('git', ['init', '-q', folder]);
  for (const place of [folder, path.join(folder, 'bin')]) {
    mkdirSync(place, { recursive: true });
    for (const name of NAMES) {
      writeFileSync(path.join(place, name), `#!/bin/sh\necho ${name} >> '${mark}'\necho 1.0\n`);
      chmodSync(path.join(place, name), 0o755);
    }
  }
  return { folder, mark };
}

test('an executable git, ssh or nvidia-smi of the workspace does not run, whatever PATH holds', async () => {
  const { folder, mark } = workspaceWithPrograms();
  const outside = path.join(temporaryFolder(), 'link');
  symlinkSync(folder, outside);
  process.chdir(folder);
  const entries = ['.', '', 'bin', './bin', folder, path.join(folder, 'bin'), path.join(outside, 'bin')];
  for (const entry of entries) {
    process.env.PATH = `${entry}:${own.PATH}`;
    const named = JSON.stringify(entry);
    assert.match(await gitVersion(), /^git version \d/, named);
    assert.equal(await repositoryRoot(folder), folder, named);
    await git(folder, 'remote', 'add', `r${entries.indexOf(entry)}`, 'ssh://nowhere.invalid/x');
    await assert.rejects(pushCommit(folder, `r${entries.indexOf(entry)}`, 'HEAD', 'refs/heads/x'), named);
    const setup = await examine(folder);
    assert.ok(!setup.some(({ topic, found }) => topic === 'NVIDIA driver' && found === '1.0'), named);
    for (const name of ['docker', 'podman', 'node'])
      assert.ok(!programNamed(name, folder)?.startsWith(folder), `${name}, ${named}`);
  }
  // What this machine runs for a cluster begins in the folder of the job.
  process.env.PATH = `.:${own.PATH}:`;
  const { code } = await new LocalHost().run(['tool'], { cwd: folder });
  assert.equal(code, 127);
  const inner = await new LocalHost().run(['sh', '-c', 'tool'], { cwd: folder });
  assert.equal(inner.code, 127);
  assert.equal(schedulerHere()?.program.startsWith(folder) ?? false, false);
  assert.ok(!existsSync(mark), 'a program of the workspace ran');
});

test('programs of a folder that is not the workspace are found, in the order of PATH', () => {
  const { folder } = workspaceWithPrograms();
  const other = temporaryFolder();
  const environment = { PATH: [folder, 'bin', own.PATH].join(':') };
  assert.equal(programNamed('tool', other, environment), path.join(folder, 'tool'));
  assert.equal(programNamed('tool', path.join(folder, 'bin'), environment), undefined);
  assert.equal(programNamed('no such program', other, environment), undefined);
  assert.equal(environmentFor(folder, environment).PATH, programFolders(undefined, { PATH: own.PATH }).join(':'));
});

test('a home that is a repository keeps its programs: it is nobody else’s workspace', () => {
  const home = os.homedir();
  const bin = path.join(home, 'bin');
  const environment = { PATH: [home, bin, '/usr/bin'].join(':') };
  assert.deepEqual(programFolders(home, environment), [bin, '/usr/bin']);
});
