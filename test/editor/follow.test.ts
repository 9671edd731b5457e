/** The samples and history panels follow what is written beside them: by this window, a terminal, another program. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { FrameLocator } from 'playwright-core';
import { cli, CLI, git, repository, ROOT, SMALL_CONFIG } from '../server/workspace';
import { until } from '../until';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

/** Far more images than a test waits for: the run goes on until it is ended. */
const LONG_CONFIG = SMALL_CONFIG.replace('seeds: 0-7', 'seeds: 0-19999\nbatch: 16');
const ALL = '20,000 images';
const PICTURES = process.env.EDM_PICTURES;

let root: string;
let workspace: string;
let workbench: Workbench;
let run: string;

before(async () => {
  // The repository's top lies above the folder that is open.
  root = repository({ 'project/long.edm.yaml': LONG_CONFIG, 'project/configs/sub.edm.yaml': SMALL_CONFIG });
  workspace = path.join(root, 'project');
  run = path.join(root, 'runs', `${git(root, 'rev-parse', '--short', 'HEAD')}-long`);
  const theme = process.env.EDM_THEME as Theme | undefined;
  workbench = await openWorkbench({ workspace, extensionDevelopmentPath: ROOT, theme });
});
after(() => workbench.close());

/** Runs the long config in a terminal until it is told to end. */
function runInTerminal(): ChildProcess {
  return spawn(process.execPath, [CLI, 'run', 'long.edm.yaml'], { cwd: workspace, stdio: 'ignore' });
}

function images(folder = run): string[] {
  try {
    return readdirSync(path.join(folder, 'images')).filter((name) => /^\d+\.png$/.test(name));
  } catch {
    return [];
  }
}

/** Images that the head of the panel says are there. */
async function said(samples: FrameLocator, state: string): Promise<number> {
  const note = samples.locator('.notes li').filter({ hasText: state });
  await note.first().waitFor();
  return Number(/: ([\d,]+) of/.exec(await note.first().innerText())?.[1]?.replace(',', ''));
}

async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `follow-${name}.png`));
}

/** Shows the samples of a run by the picker. */
async function showSamples(folder: string): Promise<FrameLocator> {
  await workbench.runAndPick('EDM Workbench: Show samples', path.basename(folder));
  return workbench.webview(path.basename(folder));
}

test('history: the first record comes after the panel; the repository lies above the folder', async () => {
  await workbench.openFile('sub.edm.yaml');
  await workbench.runCommand('EDM Workbench: Show history');
  const history = await workbench.webview('History');
  await history.locator('.empty').filter({ hasText: 'No results yet' }).waitFor();
  const rows = history.locator('table[aria-label=Results] tbody tr');
  assert.equal(cli(path.join(workspace, 'configs'), 'run', 'sub.edm.yaml').status, 0);
  await rows.nth(0).waitFor();
  writeFileSync(path.join(workspace, 'configs', 'sub.edm.yaml'), SMALL_CONFIG.replace('steps: 2', 'steps: 3'));
  git(root, 'commit', '--quiet', '--all', '--message', 'Use 3 steps');
  assert.equal(cli(path.join(workspace, 'configs'), 'run', 'sub.edm.yaml').status, 0);
  await rows.nth(1).waitFor();
  assert.equal(await rows.count(), 2);
  await picture('history');
});

test('history: the file replaced, removed and made again', async () => {
  const history = await workbench.webview('History');
  const rows = history.locator('table[aria-label=Results] tbody tr');
  const file = path.join(root, '.edm-workbench', 'history.jsonl');
  const text = readFileSync(file, 'utf8');
  // As git writes a file of another branch.
  writeFileSync(`${file}.new`, text.split('\n', 1)[0] + '\n');
  renameSync(`${file}.new`, file);
  await until(() => rows.count(), 'one row', (count) => count === 1); // prettier-ignore
  rmSync(path.dirname(file), { recursive: true });
  await history.locator('.empty').filter({ hasText: 'No results yet' }).waitFor();
  mkdirSync(path.dirname(file));
  writeFileSync(file, text);
  await until(() => rows.count(), 'both rows', (count) => count === 2); // prettier-ignore
});

test('samples: a run in a terminal is followed while it goes, and after it was interrupted', async () => {
  run = path.join(root, 'runs', `${git(root, 'rev-parse', '--short', 'HEAD')}-long`);
  const terminal = runInTerminal();
  try {
    await until(() => images().length, 'the first images', (count) => count >= 16); // prettier-ignore
    // The folder of the run is outside the workspace, in the repository.
    const samples = await showSamples(run);
    const first = await said(samples, 'Still running');
    assert.match(await samples.locator('.notes').innerText(), new RegExp(`of ${ALL}`));
    await until(() => said(samples, 'Still running'), 'more images', (count) => count > first + 16); // prettier-ignore
    await until(
      async () => Number((await samples.locator('.total').innerText()).replace(/\D/g, '')) > first + 16,
      'more in the count',
    );
    await picture('running');
    terminal.kill('SIGINT');
    const made = await said(samples, 'Cancelled');
    assert.equal(made, images().length);
    assert.equal(await samples.locator('.total').innerText(), `${made.toLocaleString('en-US')} images`);
  } finally {
    terminal.kill('SIGKILL');
  }
});

test('samples: the run goes on in this window, and is cancelled there', async () => {
  const before = images().length;
  await workbench.openFile('long.edm.yaml');
  await workbench.runCommand('EDM Workbench: Run this config');
  const samples = await workbench.webview(path.basename(run));
  await until(() => said(samples, 'Still running'), 'more images', (count) => count > before + 16); // prettier-ignore
  const notification = await workbench.notification(/Run long/);
  await notification.locator('a, .monaco-button').filter({ hasText: 'Cancel' }).first().click();
  await workbench.press('Escape');
  const made = await said(samples, 'Cancelled');
  assert.equal(made, images().length);
  await picture('cancelled');
});

test('samples: a run that fails says so with its reason', async () => {
  const samples = await workbench.webview(path.basename(run));
  const before = images().length;
  const terminal = runInTerminal();
  try {
    await until(() => said(samples, 'Still running'), 'more images', (count) => count > before + 16); // prettier-ignore
    // A file where the folder was: the next image cannot be written.
    renameSync(path.join(run, 'images'), path.join(root, 'kept'));
    writeFileSync(path.join(run, 'images'), '');
    await samples
      .locator('.notes li')
      .filter({ hasText: new RegExp(`^Failed: 0 of ${ALL}\\. \\S`) })
      .waitFor();
    await picture('failed');
  } finally {
    terminal.kill('SIGKILL');
  }
});

test('samples: images that are fetched later appear, in folders too', async () => {
  const samples = await workbench.webview(path.basename(run));
  rmSync(path.join(run, 'images'));
  const manifest = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as Record<string, unknown>;
  // As a run on a cluster is brought home: its results first.
  mkdirSync(path.join(run, 'images'));
  const fetched = { ...manifest, status: 'complete', error: undefined, dispatch: 'abcdefabcdefabcd', images: 24 };
  writeFileSync(path.join(run, 'run.json'), JSON.stringify(fetched));
  await samples.locator('.notes li').filter({ hasText: 'Complete; 0 of 24 images are here' }).waitFor();
  await picture('fetched-none');
  const some = readdirSync(path.join(root, 'kept')).filter((name) => /^\d+\.png$/.test(name));
  for (const name of some.slice(0, 8)) cpSync(path.join(root, 'kept', name), path.join(run, 'images', name));
  await samples.locator('.notes li').filter({ hasText: 'Complete; 8 of 24 images are here' }).waitFor();
  await samples.locator('[role=gridcell]').nth(7).waitFor();
  mkdirSync(path.join(run, 'images', '001000'));
  await samples.locator('.notes li').filter({ hasText: '8 of 24' }).waitFor();
  for (const name of some.slice(8, 24)) cpSync(path.join(root, 'kept', name), path.join(run, 'images', '001000', name));
  await samples.locator('[role=gridcell]').nth(23).waitFor();
  await until(() => samples.locator('.notes li').count(), 'nothing missing', (count) => count === 0); // prettier-ignore
});

test('samples: a folder that was deleted says so in one line, and comes back', async () => {
  const samples = await workbench.webview(path.basename(run));
  renameSync(run, `${run}-moved`);
  await samples.locator('.banner').filter({ hasText: 'is not there any more' }).waitFor();
  await samples.locator('.grid').waitFor({ state: 'hidden' });
  assert.equal((await samples.locator('.banner').innerText()).split('\n').length, 1);
  await picture('deleted');
  renameSync(`${run}-moved`, run);
  await samples.locator('[role=gridcell]').nth(23).waitFor();
  await samples.locator('.banner').waitFor({ state: 'hidden' });
});

test('neither panel violated its content security policy or logged an error', () => {
  // Images that were taken away while they were being read, and the failure that the user was told of.
  const known = /loadLocalResource|status of 404|^ENOTDIR/;
  assert.deepEqual(
    workbench.consoleErrors().filter((text) => !known.test(text)),
    [],
  );
});
