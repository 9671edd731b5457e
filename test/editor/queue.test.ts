/** The queue panel and the tree in the editor with a queue of 10,000 jobs in a real Slurm. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { FrameLocator } from 'playwright-core';
import { allowClusters, ownState } from '../cluster/allow';
import { TestBed, type BedUser } from '../cluster/bed';
import { repository, ROOT, temporaryFolder } from '../server/workspace';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

/** Arrays of 1,000 tasks each, and who submits them. The test is keyonly, who logs in without a code. */
const ARRAYS: readonly [user: BedUser, name: string, options: readonly string[]][] = [
  ['alice', 'edm-cifar10', ['-A', 'proja', '-p', 'gpu', '--gres=gpu:1', '--time=02:00:00']],
  ['alice', 'fid-cifar10', ['-A', 'proja', '-p', 'cpu', '--time=00:30:00']],
  ['bob', 'train-imagenet64', ['-p', 'gpu', '--gres=gpu:4', '--time=04:00:00']],
  ['bob', 'unet-ablation', ['-p', 'cpu', '-c', '4']],
  ['bob', 'gather', ['-p', 'cpu', '--mem=2G']],
  ['keyonly', 'edm-afhq', ['-p', 'gpu', '--gres=gpu:2', '--time=01:00:00']],
  ['cshuser', 'molecules', ['-p', 'cpu', '-c', '2', '--time=12:00:00']],
  ['cshuser', 'docking', ['-p', 'cpu']],
  ['fishuser', 'climate', ['-p', 'cpu', '--time=06:00:00']],
  ['fishuser', 'regrid', ['-p', 'cpu', '--time=00:05:00']],
];
const ROWS = ARRAYS.length * 1000;
const PICTURES = process.env.EDM_PICTURES;
const THEME = process.env.EDM_THEME as Theme | undefined;

let bed: TestBed;
let workbench: Workbench;
let queue: FrameLocator;

before(async () => {
  bed = await TestBed.start();
  await fillQueue();
  const home = temporaryFolder();
  bed.giveSshConfig(home, 'keyonly');
  const workspace = repository({
    '.edm-workbench/clusters.yaml': 'clusters:\n  - name: bed\n    host: inner\n    poll_seconds: 10\n',
  });
  await allowClusters(workspace);
  const env = { HOME: home, XDG_STATE_HOME: ownState() };
  workbench = await openWorkbench({ workspace, extensionDevelopmentPath: ROOT, env, theme: THEME });
});
after(async () => {
  await workbench.close();
  await bed.stop();
});

/** Makes one row of squeue for each task: an array is a single row until something is done to some of its tasks. */
async function fillQueue(): Promise<void> {
  const run = async (command: readonly string[], user?: BedUser): Promise<string> => {
    const { code, stdout, stderr } = await bed.inCluster(command, user);
    assert.equal(code, 0, `${command.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  for (const [user, name, options] of ARRAYS) {
    const wrapped = ['--hold', '--array=0-999', `--job-name=${name}`, '--wrap=sleep 600', '--output=/dev/null'];
    const id = await run(['sbatch', '--parsable', ...options, ...wrapped], user);
    await run(['scontrol', 'update', `JobId=${id}_[0-998]`, 'Nice=1']);
    await run(['scontrol', 'release', id]);
  }
}

async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `queue-${name}.png`));
}

/** The id of the row that has the focus; empty where none has it. */
async function focused(): Promise<string> {
  const row = queue.locator('.canvas .row:focus');
  return (await row.count()) > 0 ? ((await row.getAttribute('data-id')) ?? '') : '';
}
const rowsInPage = (): Promise<number> => queue.locator('.canvas .row').count();
const texts = (column: string): Promise<string[]> => queue.locator(`.canvas .column-${column}`).allInnerTexts();

test('10,000 jobs: mine on top, few rows in the page, the load above them', async () => {
  await workbench.press('F1');
  const widget = workbench.page.locator('.quick-input-widget');
  await widget.locator('input.input').fill('>EDM Workbench: Show queue');
  await widget.locator('.monaco-list-row').filter({ hasText: 'EDM Workbench: Show queue' }).first().click();
  await widget.locator('.monaco-list-row').filter({ hasText: 'bed' }).first().click();
  queue = await workbench.webview('Queue');
  await queue.locator('button').filter({ hasText: 'Connect' }).click();
  await queue
    .locator('.total')
    .filter({ hasText: `${ROWS.toLocaleString('en-US')} rows` })
    .waitFor();
  await queue.locator('.loads').filter({ hasText: '4 of 4 GPUs' }).waitFor();
  assert.deepEqual([...new Set(await texts('user'))], ['keyonly']);
  assert.ok((await rowsInPage()) < 100);
  await picture('top');
});

test('the keyboard goes through all of them, and the focus is seen', async () => {
  await queue.locator('#filter').focus();
  // Refresh, one stop for the headers, and one for the jobs.
  for (let stop = 0; stop < 3; stop++) await workbench.press('Tab');
  const first = await focused();
  assert.notEqual(first, '');
  await workbench.press('Shift+Tab');
  await workbench.press('End');
  await workbench.press('ArrowDown');
  assert.equal(await focused(), first);
  assert.ok(await queue.locator('.canvas .row:focus .column-id').isVisible());
  await workbench.press('ArrowDown');
  assert.notEqual(await focused(), first);
  await workbench.press('PageDown');
  await picture('page');
  await workbench.press('End');
  const last = queue.locator('.canvas .row:focus');
  assert.equal(await last.getAttribute('aria-rowindex'), String(ROWS + 1));
  assert.ok(await last.isVisible());
  assert.ok((await rowsInPage()) < 100);
  await picture('end');
  await workbench.press('Home');
  assert.equal(await focused(), first);
});

test('the filter finds by user, name, state and reason; sorting keeps mine on top', async () => {
  const filter = queue.locator('#filter');
  await filter.fill('cshuser dock');
  await queue.locator('.total').filter({ hasText: '1,000 of 10,000 rows' }).waitFor();
  assert.deepEqual([...new Set(await texts('name'))], ['docking']);
  await picture('filtered');
  await filter.fill('no such job');
  await queue.locator('.empty').filter({ hasText: 'No job matches the filter.' }).waitFor();
  await filter.fill('');
  for (const column of await queue.locator('[role=columnheader] button:visible').all()) {
    await column.click();
    assert.deepEqual([...new Set(await texts('user'))], ['keyonly'], (await column.textContent()) ?? '');
  }
  await queue.locator('#whose').selectOption('mine');
  await queue.locator('.total').filter({ hasText: '1,000 rows' }).waitFor();
  await picture('mine');
  await queue.locator('#whose').selectOption('all');
});

test('the tree folds arrays', async () => {
  await workbench.page
    .locator('.statusbar-item')
    .filter({ hasText: /running, \d+ queued/ })
    .first()
    .click();
  const tree = workbench.page.locator('.part.sidebar .monaco-list-row');
  const array = tree.filter({ hasText: /edm-afhq.*1000 queued|edm-afhq.*running/ }).first();
  await array.waitFor();
  await picture('tree');
  await array.click();
  await tree.filter({ hasText: '[0]' }).first().waitFor();
  await picture('unfolded');
});

test('neither view violated its content security policy or logged an error', () => {
  assert.deepEqual(workbench.consoleErrors(), []);
});
