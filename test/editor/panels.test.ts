import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cli, git, repository, ROOT, SMALL_CONFIG } from '../server/workspace';
import { until } from '../until';
import { openWorkbench, type Workbench } from './harness/workbench';

const STEPS = [2, 3, 4];
/** Whoever wrote a commit may have written a mark that turns the direction of the line. */
const MARK = '\u202e';

let workspace: string;
let workbench: Workbench;

before(async () => {
  workspace = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  for (const steps of STEPS) {
    if (steps !== STEPS[0]) {
      writeFileSync(path.join(workspace, 'garments.edm.yaml'), SMALL_CONFIG.replace('steps: 2', `steps: ${steps}`));
      git(workspace, 'commit', '--quiet', '--all', '--message', `Use ${steps} steps${steps === 3 ? MARK : ''}`);
    }
    const { status, stderr } = cli(workspace, 'run', 'garments.edm.yaml');
    assert.equal(status, 0, stderr);
  }
  workbench = await openWorkbench({ workspace, extensionDevelopmentPath: ROOT });
});
after(() => workbench.close());

test('a diagnostic shows in the real editor', async () => {
  writeFileSync(
    path.join(workspace, 'generate.slurm'),
    '#!/bin/bash\n#SBATCH --gres=gpu:2\ntorchrun --nproc_per_node=1 generate.py\n',
  );
  await workbench.openFile('generate.slurm');
  await workbench.problem(/1 of the 2 GPUs/);
});

test('history: a point per commit, and from a point to the samples of its run', async () => {
  await workbench.openFile('garments.edm.yaml');
  await workbench.runCommand('EDM Workbench: Show history');
  const history = await workbench.webview('History');
  const points = history.locator('svg [role=button]');
  await points.nth(STEPS.length - 1).waitFor();
  assert.equal(await points.count(), STEPS.length);
  assert.equal(await history.locator('table[aria-label=Results] tbody tr').count(), STEPS.length);
  const last = points.nth(STEPS.length - 1);
  assert.match((await last.getAttribute('aria-label')) ?? '', /Use 4 steps/);
  await history.locator('#across').selectOption('nfe');
  // Each label has a text of its own for the pointer.
  for (const [at, nfe] of [3, 5, 7].entries())
    await history
      .locator('svg text.commit')
      .nth(at)
      .filter({ hasText: `NFE ${nfe}` })
      .waitFor();
  assert.equal(await points.count(), STEPS.length);
  await history.locator('#across').selectOption('commit');
  await last.focus();
  const tooltip = history.locator('#tooltip');
  await tooltip.waitFor({ state: 'visible' });
  const facts = await tooltip.innerText();
  for (const fact of ['Use 4 steps', 'Test', 'FD (fashion-mnist)', 'embedded:fashion-mnist'])
    assert.ok(facts.includes(fact), facts);
  const page = await history.locator('body').evaluate((body) => (body as unknown as { outerHTML: string }).outerHTML);
  assert.ok(
    !page.includes(MARK) && page.includes('Use 3 steps\\u202e'),
    'what turns a line is shown, and turns nothing',
  );
  await last.press('Enter');

  const short = git(workspace, 'rev-parse', '--short', 'HEAD');
  const samples = await workbench.webview(`${short}-garments`);
  await samples.locator('[role=gridcell]').nth(7).waitFor();
  assert.equal(await samples.locator('[role=gridcell]').count(), 8);
});

test('samples: images load, each knows its seed and class, Enter enlarges, Escape returns', async () => {
  const short = git(workspace, 'rev-parse', '--short', 'HEAD');
  const samples = await workbench.webview(`${short}-garments`);
  const tiles = samples.locator('[role=gridcell]');
  const images = samples.locator('[role=gridcell] img');
  await images.nth(7).waitFor();
  // naturalWidth is 28 only once the file was fetched under the page's policy and decoded.
  await until(
    () =>
      images.evaluateAll((list) =>
        list.every((image) => (image as unknown as { naturalWidth: number }).naturalWidth === 28),
      ),
    'eight pictures',
  );
  await tiles.nth(3).focus();
  const status = samples.locator('.status');
  await until(
    async () => /seed 3\b.*class \d/i.test((await status.innerText()).replace(/\s+/g, ' ')),
    'seed and class of the image in focus',
  );
  await tiles.nth(3).press('Enter');
  const dialog = samples.locator('dialog[open]');
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /3/);
  await dialog.press('ArrowRight');
  await dialog.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
});

test('neither panel violated its content security policy or logged an error', () => {
  assert.deepEqual(workbench.consoleErrors(), []);
});
