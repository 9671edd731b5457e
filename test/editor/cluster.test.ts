/** The editor and a real Slurm behind a jump host with one-time passwords: submit, watch, follow, and hear of the end. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { allowClusters, ownState } from '../cluster/allow';
import { TestBed } from '../cluster/bed';
import { repository, ROOT, temporaryFolder } from '../server/workspace';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

const SCRIPT = `#!/bin/bash
#SBATCH --job-name=fid
#SBATCH --partition=cpu
#SBATCH --account=proja
#SBATCH --time=00:05:00
#SBATCH --output=fid-%j.out
for STEP in $(seq 12); do echo "step $STEP of 12"; sleep 2; done
echo 1.96999
`;
/** Folder for pictures, where they are wanted, and their theme: the README's are made this way. */
const PICTURES = process.env.EDM_PICTURES;
const THEME = process.env.EDM_THEME as Theme | undefined;

let bed: TestBed;
let workbench: Workbench;

before(async () => {
  bed = await TestBed.start();
  const home = temporaryFolder();
  bed.giveSshConfig(home, 'alice');
  const workspace = repository({
    'fid.slurm': SCRIPT,
    'refused.slurm': SCRIPT.replace('partition=cpu', 'partition=nowhere'),
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

/** Picks an entry from the list that a command shows. */
async function choose(label: string): Promise<void> {
  const row = workbench.page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: label }).first();
  await row.click();
}

/** Runs a command that then shows a list, and picks an entry. */
async function runAndChoose(title: string, label: string): Promise<void> {
  await workbench.press('F1');
  const widget = workbench.page.locator('.quick-input-widget');
  await widget.locator('input.input').fill(`>${title}`);
  await widget.locator('.monaco-list-row').filter({ hasText: title }).first().click();
  await choose(label);
}

/** Takes a picture of the window, where pictures are wanted. */
async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `cluster-${name}.png`));
}

test('a script is submitted through a jump host with a one-time password, its log followed, its end announced', async () => {
  const { page } = workbench;
  await workbench.openFile('fid.slurm');
  const lens = page.locator('.codelens-decoration a').filter({ hasText: 'Submit' }).first();
  await lens.waitFor();
  await lens.click();
  await choose('bed');
  const code = page.locator('.quick-input-widget input.input');
  await page.locator('.quick-input-widget').filter({ hasText: 'Verification code' }).waitFor();
  await picture('otp');
  await code.first().fill(bed.otp('alice'));
  await workbench.press('Enter');
  const submitted = await workbench.notification(/Job \d+ was submitted to bed/);
  await submitted.locator('a, .monaco-button').filter({ hasText: 'Follow log' }).click();

  await workbench.press('Escape');
  await page
    .locator('.statusbar-item')
    .filter({ hasText: /running, \d+ queued/ })
    .first()
    .click();
  const tree = page.locator('.part.sidebar .monaco-list-row');
  await tree.filter({ hasText: 'fid' }).first().waitFor();
  await picture('clusters');
  await page.locator('.part.panel').filter({ hasText: 'step 3 of 12' }).waitFor();
  await page.locator('.part.panel').filter({ hasText: '1.96999' }).waitFor();
  await workbench.notification(/Job \d+ \(fid\) on bed: done/);
});

test('the queue panel shows the cluster without asking again', async () => {
  await workbench.press('Escape');
  await runAndChoose('EDM Workbench: Show queue', 'bed');
  const queue = await workbench.webview('Queue');
  await queue.locator('#whose').selectOption('finished');
  await queue.locator('body').filter({ hasText: 'fid' }).waitFor();
  await picture('queue');
});

test('neither view violated its content security policy or logged an error', () => {
  assert.deepEqual(workbench.consoleErrors(), []);
});

test("a refusal is shown at the line of the script that caused it, in the scheduler's words", async () => {
  await workbench.openFile('refused.slurm');
  await runAndChoose('EDM Workbench: Submit this script', 'bed');
  const problem = await workbench.problem(/invalid partition/i);
  assert.match((await problem.getAttribute('aria-label')) ?? '', /line 3\b/);
});
