/** A workspace of several folders, with the project in the second: history, samples, setup, clusters look into all. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cli, git, repository, ROOT, SMALL_CONFIG, temporaryFolder } from '../server/workspace';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

const PICTURES = process.env.EDM_PICTURES;

let top: string;
let short: string;
let workbench: Workbench;

/** A repository with a cluster and a result, at a place of our own choosing. */
function project(name: string, config: string): string {
  const made = repository({
    [config]: SMALL_CONFIG,
    '.edm-workbench/clusters.yaml': `clusters:\n  - name: ${name}-cluster\n    host: ${name}.example\n`,
  });
  assert.equal(cli(made, 'run', config).status, 0);
  const folder = path.join(top, name);
  renameSync(made, folder);
  return folder;
}

before(async () => {
  top = temporaryFolder();
  mkdirSync(path.join(top, 'plain'));
  writeFileSync(path.join(top, 'plain', 'x.yaml'), 'a: 1\n');
  const sample = project('sample', 'garments.edm.yaml');
  short = git(sample, 'rev-parse', '--short', 'HEAD');
  workbench = await openFolders('plain', 'sample');
});
after(() => workbench.close());

function openFolders(...names: string[]): Promise<Workbench> {
  const workspace = path.join(top, 'multi.code-workspace');
  writeFileSync(workspace, JSON.stringify({ folders: names.map((name) => ({ path: name })) }));
  const theme = process.env.EDM_THEME as Theme | undefined;
  return openWorkbench({ workspace, extensionDevelopmentPath: ROOT, theme });
}

async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `multi-root-${name}.png`));
}

test('history: the only folder with one is found without asking', async () => {
  await workbench.runCommand('EDM Workbench: Show history');
  const history = await workbench.webview('History');
  await history.locator('table[aria-label=Results] tbody tr').first().waitFor();
  await history.locator('h1').filter({ hasText: 'History of sample' }).waitFor();
  await picture('history');
});

test('samples: the run picker has the runs of the second folder, with subject, value and state', async () => {
  await workbench.page.keyboard.press('F1');
  const widget = workbench.page.locator('.quick-input-widget');
  await widget.locator('input.input').fill('>EDM Workbench: Show samples');
  await widget.locator('.monaco-list-row').first().click();
  const run = widget.locator('.monaco-list-row').filter({ hasText: `${short}-garments` });
  await run.filter({ hasText: 'A run config' }).filter({ hasText: 'FD (fashion-mnist)' }).waitFor();
  await picture('runs');
  await run.click();
  const samples = await workbench.webview(`${short}-garments`);
  await samples.locator('[role=gridcell]').nth(7).waitFor();
});

test('setup: what differs is said for each folder, what is the same once', async () => {
  await workbench.runCommand('EDM Workbench: Check my setup');
  const lines = workbench.page.locator('.editor-group-container.active .view-line');
  await lines.filter({ hasText: /Repository.in.plain/ }).waitFor();
  await lines.filter({ hasText: /Repository.in.sample.\(found\)/ }).waitFor();
  assert.equal(await lines.filter({ hasText: /^Node/ }).count(), 1);
  await picture('setup');
});

test('clusters: those of the second folder, with its name', async () => {
  await workbench.runCommand('View: Show EDM Workbench');
  const tree = workbench.page.locator('.part.sidebar .monaco-list-row');
  await tree.filter({ hasText: /sample-cluster.*sample · not allowed yet/ }).waitFor();
  await picture('clusters');
});

test('two folders with a history: asked, with the folder of the active editor first', async () => {
  await workbench.close();
  project('other', 'dresses.edm.yaml');
  workbench = await openFolders('plain', 'sample', 'other');
  await workbench.openFile('dresses.edm.yaml');
  await workbench.page.keyboard.press('F1');
  const widget = workbench.page.locator('.quick-input-widget');
  await widget.locator('input.input').fill('>EDM Workbench: Show history');
  await widget.locator('.monaco-list-row').filter({ hasText: 'Show history' }).first().click();
  const rows = widget.locator('.monaco-list-row');
  await rows.filter({ hasText: 'sample' }).first().waitFor();
  const names = (await rows.locator('.label-name').allInnerTexts()).filter((name) => !name.startsWith('/'));
  assert.deepEqual(names, ['other', 'sample']);
  await picture('which-history');
  await rows.filter({ hasText: 'sample' }).first().click();
  const history = await workbench.webview('History');
  await history.locator('td').filter({ hasText: 'garments' }).first().waitFor();
  await workbench.runCommand('View: Show EDM Workbench');
  const tree = workbench.page.locator('.part.sidebar .monaco-list-row');
  await tree.filter({ hasText: /sample-cluster.*sample · not allowed yet/ }).waitFor();
  await tree.filter({ hasText: /other-cluster.*other · not allowed yet/ }).waitFor();
});

test('the History lens of a config shows its own repository, whichever is first', async () => {
  await workbench.openFile('dresses.edm.yaml');
  await workbench.page.locator('.codelens-decoration a').filter({ hasText: 'History' }).first().click();
  const history = await workbench.webview('History');
  await history.locator('h1').filter({ hasText: 'History of other' }).waitFor();
});

test('nothing logged an error', () => {
  assert.deepEqual(workbench.consoleErrors(), []);
});
