/** A folder of runs holds nothing else: what lies in it is neither seen by git nor counted as a change of the code. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { IGNORE_ALL, makeIgnoredFolder, makeStateFolder } from '../../server/ignored-folder';
import { checkOutdir } from '../../server/runs/outdir';
import { executeRun } from '../../server/runs/execute';
import { readSource } from '../../server/runs/source';
import { git, repository, temporaryFolder } from '../server/workspace';

const config = (outdir: string): string => `network: embedded:fashion-mnist\nseeds: 0-1\nsteps: 2\noutdir: ${outdir}\n`;

/** A repository with code in `src` and a config for each folder. */
function project(...outdirs: string[]): string {
  const configs = outdirs.map((outdir, index) => [`${index}.edm.yaml`, config(outdir)]);
  return repository({ 'src/generate.py': 'print(1)\n', ...(Object.fromEntries(configs) as object) });
}

const refused = (root: string, outdir: string, why: RegExp): Promise<void> =>
  assert.rejects(checkOutdir(outdir, root), (error) => error instanceof UserError && why.test(error.message));

test('a folder with other files is refused before anything runs, and git sees them as before', async () => {
  const outdirs = ['.', 'src', '..', '.git/runs', '.edm-workbench'];
  const root = project(...outdirs);
  for (const [index, outdir] of outdirs.entries()) {
    const file = path.join(root, `${index}.edm.yaml`);
    await assert.rejects(executeRun(file), /^UserError: outdir .*: runs need a folder of their own/);
    await assert.rejects(readSource(file), UserError, `${outdir} sent to a cluster`);
  }
  await refused(root, 'src', /outdir src holds generate\.py, which is not a run's/);
  writeFileSync(path.join(root, 'new.py'), 'print(2)\n');
  assert.equal(git(root, 'status', '--porcelain', '--untracked-files=all'), '?? new.py');
});

test('also by way of a link, of files that were deleted, and of an ignored folder', async () => {
  const root = project('runs');
  symlinkSync('src', path.join(root, 'link'));
  await refused(root, 'link', /holds generate\.py/);
  symlinkSync('.', path.join(root, 'here'));
  await refused(root, 'here', /holds the whole repository/);
  // Earlier versions wrote this into any folder: it does not say who made it.
  writeFileSync(path.join(root, 'src', '.gitignore'), '*\n');
  await refused(root, 'src', /holds generate\.py/);
  writeFileSync(path.join(root, 'src', '.gitignore'), IGNORE_ALL);
  await refused(root, 'src', /holds generate\.py/);
  rmSync(path.join(root, 'src'), { recursive: true });
  await refused(root, 'src', /holds generate\.py/);
});

test('a folder that the run makes is ignored; one that was there is not, and its .gitignore stays', async () => {
  const root = project('results/edm', 'there', 'own');
  mkdirSync(path.join(root, 'there'));
  mkdirSync(path.join(root, 'own'));
  writeFileSync(path.join(root, 'own', '.gitignore'), '*.png\n');
  for (const name of ['0', '1', '2']) await executeRun(path.join(root, `${name}.edm.yaml`));
  assert.equal(readFileSync(path.join(root, 'results', 'edm', '.gitignore'), 'utf8'), IGNORE_ALL);
  assert.ok(!existsSync(path.join(root, 'results', '.gitignore')));
  assert.ok(!existsSync(path.join(root, 'there', '.gitignore')));
  assert.equal(readFileSync(path.join(root, 'own', '.gitignore'), 'utf8'), '*.png\n');
  assert.match(git(root, 'status', '--porcelain'), /^\?\? own\/\n\?\? there\/$/);
  // Runs, and what a file manager leaves, are no obstacle to the next run.
  writeFileSync(path.join(root, 'there', '.DS_Store'), '');
  for (const name of ['0', '1', '2']) await executeRun(path.join(root, `${name}.edm.yaml`));
  // In a folder that was made for results, notes are fine; elsewhere they would be hidden.
  writeFileSync(path.join(root, 'results', 'edm', 'notes.md'), '');
  writeFileSync(path.join(root, 'there', 'notes.md'), '');
  await checkOutdir('results/edm', root);
  await refused(root, 'there', /holds notes\.md/);
  git(root, 'add', '--force', 'results/edm/notes.md');
  await refused(root, 'results/edm', /holds notes\.md/);
});

test("the workbench's own folders are ignored also where they are there, and keep a .gitignore of others", async () => {
  const folder = temporaryFolder();
  await makeIgnoredFolder(folder);
  assert.ok(!existsSync(path.join(folder, '.gitignore')));
  await makeStateFolder(folder);
  assert.equal(readFileSync(path.join(folder, '.gitignore'), 'utf8'), IGNORE_ALL);
  writeFileSync(path.join(folder, '.gitignore'), '*.log\n');
  await makeStateFolder(folder);
  assert.equal(readFileSync(path.join(folder, '.gitignore'), 'utf8'), '*.log\n');
});
