/** The window is reloaded: all five kinds of panels come back with what they showed and how, and follow their files again. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { FrameLocator } from 'playwright-core';
import type { Calibration } from '../../server/shared/protocol';
import { cli, git, repository, ROOT, SMALL_CONFIG } from '../server/workspace';
import { until } from '../until';
import { LoginNode } from './harness/login-node';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

const PICTURES = process.env.EDM_PICTURES;
/** More images than the panel has room for, so that it can be scrolled. */
const CONFIG = SMALL_CONFIG.replace('seeds: 0-7', 'seeds: 0-199');
/** What the filter looks for must not be in a hash. */
const WORDS: Readonly<Record<number, string>> = { 2: 'two', 3: 'three', 4: 'four' };
const CALIBRATION: Calibration = {
  version: 1,
  time: '2026-11-20T12:00:00Z',
  cluster: 'alpha',
  config_file: 'garments.edm.yaml',
  commit: 'abcdef0',
  engine: 'workbench',
  network: 'embedded:fashion-mnist',
  gpus: 1,
  job: '42',
  log: '/home/me/42.out',
  points: [
    { batch: 32, rate: 100, memory: { used: 3000, total: 16000 } },
    { batch: 64, rate: 150, memory: { used: 5000, total: 16000 } },
    { batch: 128, rate: 151, memory: { used: 9000, total: 16000 } },
  ],
  batch: 64,
  reason: 'larger batches are not faster',
};

let workspace: string;
let run: string;
let workbench: Workbench;

before(async () => {
  workspace = repository({
    'garments.edm.yaml': CONFIG,
    '.edm-workbench/calibrations/garments.json': JSON.stringify(CALIBRATION),
  });
  runConfig(2);
  runConfig(3);
  run = path.join(workspace, 'runs', `${git(workspace, 'rev-parse', '--short', 'HEAD')}-garments`);
  // A login node whose queue is empty.
  workbench = await openWorkbench({
    workspace,
    extensionDevelopmentPath: ROOT,
    env: new LoginNode().env,
    theme: process.env.EDM_THEME as Theme | undefined,
  });
});
after(() => workbench.close());

/** Commits the config with so many steps, and runs it in a terminal. */
function runConfig(steps: number): void {
  writeFileSync(path.join(workspace, 'garments.edm.yaml'), CONFIG.replace('steps: 2', `steps: ${steps}`));
  git(workspace, 'commit', '--quiet', '--allow-empty', '--all', '--message', `Use ${WORDS[steps]} steps`);
  const { status, stderr } = cli(workspace, 'run', 'garments.edm.yaml');
  assert.equal(status, 0, stderr);
}

async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `reload-${name}.png`));
}

const titles = (): Promise<string[]> => workbench.page.locator('.tabs-container .tab .label-name').allInnerTexts();
const scrollTop = (panel: FrameLocator, selector: string): Promise<number> =>
  panel.locator(selector).evaluate((found) => (found as unknown as { scrollTop: number }).scrollTop);

test('five panels are opened and arranged', async () => {
  await workbench.openFile('garments.edm.yaml');
  await workbench.runAndPick('EDM Workbench: Calibrate batch size on cluster', 'Show batch 64, measured on alpha');
  const calibration = await workbench.webview('Batch size of garments');
  await calibration.locator('[role=radio][aria-checked=true]').press('End');
  await calibration.getByRole('button', { name: 'Write batch: 128' }).waitFor();

  await workbench.runCommand('EDM Workbench: Show history');
  const history = await workbench.webview('History');
  await history.locator('tbody tr').nth(1).waitFor();
  await history.locator('#filter').fill('three');
  await history.locator('#scale').selectOption('log');
  // In a search field, Escape, which opens the palette anew, would empty it.
  await history.locator('#scale').focus();

  await workbench.runAndPick('EDM Workbench: Show samples', path.basename(run));
  const samples = await workbench.webview(path.basename(run));
  await samples.locator('[role=gridcell]').nth(20).waitFor();
  await samples.locator('#seed').fill('13');
  await samples.locator('#seed').press('Enter');
  await samples.getByRole('button', { name: 'Larger' }).click();
  await samples.locator('.grid').evaluate((grid) => {
    (grid as unknown as { scrollTop: number }).scrollTop = 700;
  });

  await workbench.runCommand('EDM Workbench: Show queue');
  const queue = await workbench.webview('Queue');
  await queue.locator('.empty').filter({ hasText: 'No jobs.' }).waitFor();
  await queue.locator('#whose').selectOption('finished');
  await queue.locator('#filter').fill('fid');
  await queue.locator('#whose').focus();

  await workbench.runCommand('EDM Workbench: Show denoising trajectory…');
  const input = workbench.page.locator('.quick-input-widget');
  for (const question of ['Network: a', 'Seeds, at most', 'Sampler as in']) {
    await input.filter({ hasText: question }).waitFor();
    await workbench.press('Enter');
  }
  const trajectory = await workbench.webview('Trajectory of embedded:fashion-mnist');
  await trajectory.locator('tbody img').nth(75).waitFor({ state: 'attached' });
  // Scrolling is stored once it rests.
  await workbench.page.waitForTimeout(1000);
});

test('after the reload they are back, with filters, sizes, choices and places', async () => {
  const before = await titles();
  await workbench.reload();
  await until(titles, 'the tabs', (after) => after.join() === before.join());
  const trajectory = await workbench.webview('Trajectory of embedded:fashion-mnist');
  await until(
    () => trajectory.locator('tbody img').count(),
    'the strips',
    (count) => count === 4 * 19,
  );
  await picture('trajectory');

  const queue = await workbench.webview('Queue');
  await queue.locator('.empty').filter({ hasText: 'The filter has nothing to search.' }).waitFor();
  assert.equal(await queue.locator('#cluster').inputValue(), 'this-machine');
  assert.equal(await queue.locator('#filter').inputValue(), 'fid');
  await picture('queue');

  const samples = await workbench.webview(path.basename(run));
  await samples.locator('[role=gridcell][tabindex="0"]').waitFor({ state: 'attached' });
  assert.match((await samples.locator('[role=gridcell][tabindex="0"] img').getAttribute('alt')) ?? '', /^Seed 13\b/);
  assert.equal(await samples.locator('#zoom').getAttribute('aria-valuetext'), '112 pixels');
  await until(
    () => scrollTop(samples, '.grid'),
    'the place',
    (top) => Math.abs(top - 700) < 2,
  );
  await picture('samples');

  const history = await workbench.webview('History');
  await history.locator('.total').filter({ hasText: '1 of 2 results' }).waitFor();
  assert.equal(await history.locator('#filter').inputValue(), 'three');
  assert.equal(await history.locator('#scale').inputValue(), 'log');
  await picture('history');

  const calibration = await workbench.webview('Batch size of garments');
  await calibration.getByRole('button', { name: 'Write batch: 128' }).waitFor();
  await picture('calibration');
});

test('a panel that came back follows its files, and is the one that a command shows', async () => {
  const history = await workbench.webview('History');
  await history.locator('.total').filter({ hasText: '1 of 2 results' }).waitFor();
  runConfig(4);
  await picture('followed');
  await history.locator('.total').filter({ hasText: '1 of 3 results' }).waitFor();
  const before = await titles();
  await workbench.runAndPick('EDM Workbench: Show samples', path.basename(run));
  assert.deepEqual(await titles(), before);
});

test('what cannot come back says so in one line', async () => {
  renameSync(run, `${run}-moved`);
  mkdirSync(path.join(workspace, 'elsewhere'));
  // What another version, or a damaged file, may have stored.
  const history = await workbench.webview('History');
  await history.locator('body').evaluate(() => {
    (globalThis as unknown as { postMessage(message: unknown, target: string): void }).postMessage(
      { type: 'subject', subject: { folder: ['../..'] } },
      '*',
    );
  });
  await workbench.page.waitForTimeout(1000);
  await workbench.reload();
  const unknown = await workbench.webview('History');
  await unknown
    .locator('body')
    .filter({ hasText: 'What was shown here is not known any more. Open it again.' })
    .waitFor();
  await picture('unknown');
  const samples = await workbench.webview(path.basename(run));
  await samples.locator('.banner').filter({ hasText: 'is not there any more: it was deleted or moved' }).waitFor();
  await picture('deleted');
});

test('no panel violated its content security policy or logged an error', () => {
  const known = /loadLocalResource|status of 404/;
  assert.deepEqual(
    workbench.consoleErrors().filter((text) => !known.test(text)),
    [],
  );
});
