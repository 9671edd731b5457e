/**
 * From commit to cluster and back in the editor, on a real Slurm behind a jump host with one-time passwords: submitted
 * with uncommitted changes, watched, and fetched by an editor that was closed meanwhile; a batch size measured and written;
 * a failure fixed; a container built.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { readHistory } from '../../server/history/history-store';
import { allowClusters, ownState } from '../cluster/allow';
import { bedHost, TestBed } from '../cluster/bed';
import { git, repository, ROOT, temporaryFolder } from '../server/workspace';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

const GARMENTS = `network: embedded:fashion-mnist
seeds: 0-191
steps: 18
device: cpu
cluster: bed
tasks: 2
time: "10:00"
fd:
  reference: embedded:fashion-mnist
`;
const CIFAR = `network: net.pkl
engine: edm
cluster: bed
seeds: 0-99
batch: 512
partition: gpu
time: "10:00"
`;
const CLUSTERS = `clusters:
  - name: bed
    host: inner
    account: proja
    poll_seconds: 10
    container: ~/edm.sif
    setup: ["export PATH=$HOME/stubs:$PATH"]
`;
/**
 * In place of torchrun in NVIDIA's image, on a GPU whose memory is full at a batch of 256: batches of up to 32 take the same
 * time, larger ones time in proportion.
 */
const TORCHRUN = `#!/bin/bash
for word; do case $word in --batch=*) batch=\${word#*=} ;; --seeds=*) last=\${word##*-} ;; esac; done
echo "Loading network..."
if [ "$batch" -ge 256 ]; then echo "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB" >&2; exit 1; fi
sleep "$(awk "BEGIN { print 0.2 * ($last + 1) / ($batch < 32 ? $batch : 32) }")"
`;
/** In place of nvidia-smi: each batch size takes more memory than the one before. */
const NVIDIA_SMI = `#!/bin/sh
echo "$((1500 + 2600 * $(ls runs/*calibration*/gpu-*.csv | wc -l))), 16000"
exec sleep 60
`;
/** Folder for pictures, where they are wanted: the README's are made this way. */
const PICTURES = process.env.EDM_PICTURES;
/** Theme of the pictures. */
const THEME = (process.env.EDM_THEME ?? 'Dark Modern') as Theme;
const podman = spawnSync('podman', ['info'], { stdio: 'ignore' }).status === 0 ? false : 'podman does not answer here';

let bed: TestBed;
let home: string;
let workspace: string;
let workbench: Workbench;

before(async () => {
  bed = await TestBed.start();
  home = temporaryFolder();
  bed.giveSshConfig(home, 'alice');
  const { files } = bedHost(bed, 'alice');
  const apptainer = readFileSync(path.join(ROOT, 'test', 'cluster', 'stubs', 'apptainer'));
  for (const folder of ['stubs', 'edm.sif/bin']) await files.makeFolder(`/home/alice/${folder}`);
  await files.write('/home/alice/stubs/apptainer', apptainer, 0o755);
  await files.write('/home/alice/stubs/nvidia-smi', NVIDIA_SMI, 0o755);
  await files.write('/home/alice/edm.sif/bin/torchrun', TORCHRUN, 0o755);
  workspace = repository({
    'garments.edm.yaml': GARMENTS,
    'cifar.edm.yaml': CIFAR,
    '.gitignore': '*.pkl\n',
    Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
    '.edm-workbench/clusters.yaml': CLUSTERS,
  });
  copyFileSync(path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl'), path.join(workspace, 'net.pkl'));
  await allowClusters(workspace);
  workbench = await open();
});
after(async () => {
  await workbench.close();
  await bed.stop();
});

function open(): Promise<Workbench> {
  const identity = { GIT_AUTHOR_NAME: 'Test', GIT_AUTHOR_EMAIL: 'test@localhost', GIT_COMMITTER_NAME: 'Test', GIT_COMMITTER_EMAIL: 'test@localhost' }; // prettier-ignore
  return openWorkbench({
    workspace,
    extensionDevelopmentPath: ROOT,
    theme: THEME,
    env: { HOME: home, XDG_STATE_HOME: ownState(), ...identity },
  });
}

/** Clicks a lens above the config that is open. */
async function lens(text: string): Promise<void> {
  const found = workbench.page.locator('.codelens-decoration a').filter({ hasText: text }).first();
  await found.click();
}

async function answerCode(): Promise<void> {
  await workbench.page.locator('.quick-input-widget').filter({ hasText: 'Verification code' }).waitFor();
  await workbench.page.locator('.quick-input-widget input.input').first().fill(bed.otp('alice'));
  await workbench.press('Enter');
}

/** Runs a command that then shows a list, and picks an entry. */
async function runAndChoose(title: string, label: string): Promise<void> {
  await workbench.press('F1');
  const widget = workbench.page.locator('.quick-input-widget');
  await widget.locator('input.input').fill(`>${title}`);
  await widget.locator('.monaco-list-row').filter({ hasText: title }).first().click();
  await widget.locator('.monaco-list-row').filter({ hasText: label }).first().click();
}

async function pressIn(notification: Locator, text: string): Promise<void> {
  await notification.locator('a, .monaco-button').filter({ hasText: text }).first().click();
}

/** Takes a picture of the window, where pictures are wanted. */
async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `dispatch-${name}.png`));
}

test("uncommitted changes are the user's to decide about; the array and its tasks tell how far they are", async () => {
  appendFileSync(path.join(workspace, 'garments.edm.yaml'), '# changed\n');
  await workbench.openFile('garments.edm.yaml');
  await lens('Submit to cluster');
  await answerCode();
  const dialog = workbench.page.locator('.monaco-dialog-box').filter({ hasText: 'uncommitted changes' });
  await dialog.filter({ hasText: 'garments.edm.yaml is not committed' }).waitFor();
  await picture('dirty');
  await dialog.locator('.monaco-button').filter({ hasText: 'Commit for me' }).click();
  await workbench.notification(/garments at [0-9a-f]+ was submitted to bed: \d+, \d+/);
  assert.equal(git(workspace, 'log', '-1', '--format=%s'), 'Before running garments on bed');
  await workbench.press('Escape');
  await workbench.page.locator('.statusbar-item').filter({ hasText: /running, \d+ queued/ }).first().click(); // prettier-ignore
  const array = workbench.page.locator('.part.sidebar .monaco-list-row').filter({ hasText: /Images \d+\/192/ }).first(); // prettier-ignore
  await array.waitFor();
  await array.locator('.monaco-tl-twistie').click();
  await picture('progress');
  await runAndChoose('EDM Workbench: Show queue', 'bed');
  const queue = await workbench.webview('Queue');
  await queue.locator('.column-progress').filter({ hasText: /Generating|Measuring|Images/ }).first().waitFor(); // prettier-ignore
  await picture('queue');
});

test('the editor closed while the job runs: opened after its end it records once, tells, and shows the samples', async () => {
  await workbench.close();
  const jobs = async (): Promise<string> => (await bed.inCluster(['squeue', '--noheader'], 'alice')).stdout.trim();
  while ((await jobs()) !== '') await sleep(300);
  assert.equal((await readHistory(workspace)).records.length, 0);
  workbench = await open();
  await pressIn(await workbench.notification(/Runs were submitted to bed: garments/), 'Connect');
  // No code is asked for: the login was kept while no window was open.
  const end = await workbench.notification(/garments on bed is complete/);
  await picture('back');
  await pressIn(end, 'Fetch samples');
  const short = git(workspace, 'rev-parse', '--short', 'HEAD');
  const samples = await workbench.webview(`${short}-garments`);
  await samples.locator('[role=gridcell] img').first().waitFor();
  await workbench.press('Escape');
  await picture('samples');
  const { records } = await readHistory(workspace);
  assert.deepEqual(
    records.map(({ cluster, num, code }) => [cluster, num, code.dirty]),
    [['bed', 192, false]],
  );
});

test('a batch size is measured on the node, another one chosen by keyboard, the measured one offered by a code action', async () => {
  const { page } = workbench;
  await workbench.openFile('cifar.edm.yaml');
  await workbench.runCommand('EDM Workbench: Calibrate batch size on cluster');
  const panel = await workbench.webview('Batch size of cifar');
  const chosen = panel.locator('[role=radio][aria-checked=true]');
  await chosen.waitFor();
  const said = (await chosen.getAttribute('aria-label')) ?? '';
  assert.match(said, /^Batch \d+: [\d.]+ images\/s, \d+ of 16000 MiB \(\d+ %\), recommended$/);
  await chosen.focus();
  await picture('calibration');
  const recommended = Number(/\d+/.exec(said)?.[0]);
  await workbench.press(recommended === 8 ? 'End' : 'Home');
  const other = Number(/\d+/.exec((await chosen.getAttribute('aria-label')) ?? '')?.[0]);
  assert.notEqual(other, recommended);
  await panel.getByRole('button', { name: `Write batch: ${other} into cifar.edm.yaml` }).press('Enter');
  const line = (batch: number): Locator =>
    page.locator('.view-line').filter({ hasText: new RegExp(`^batch:.${batch}$`) });
  await line(other).waitFor();
  const action = page.locator('.action-widget .action').filter({ hasText: `Set batch to ${recommended}, as measured on bed` }); // prettier-ignore
  for (let tries = 0; tries < 10 && !(await action.isVisible()); tries++) {
    await workbench.press('Control+.');
    await action.waitFor({ timeout: 5000 }).catch(() => workbench.press('Escape'));
  }
  await picture('code-action');
  await action.click();
  await line(recommended).waitFor();
});

test('a failure: its reason in words, the log at its line, the config at what may put it right', async () => {
  const { page } = workbench;
  await workbench.openFile('cifar.edm.yaml');
  await workbench.press('Control+A');
  await page.keyboard.insertText(CIFAR.replace('0-99', '0-98'));
  await lens('Submit to cluster');
  const dialog = page.locator('.monaco-dialog-box').filter({ hasText: 'cifar.edm.yaml is not committed' });
  await dialog.locator('.monaco-button').filter({ hasText: 'Run as it is' }).click();
  const failed = await workbench.notification(/cifar on bed failed: Not enough GPU memory/);
  await picture('failed');
  await pressIn(failed, 'Open log');
  const log = page.locator('.editor-group-container.active .view-line').filter({ hasText: 'CUDA out of memory' });
  await log.waitFor();
  assert.equal(
    await page
      .locator('.statusbar-item')
      .filter({ hasText: /^Ln 2, / })
      .count(),
    1,
  );
  await picture('log');
  await pressIn(await workbench.notification(/cifar on bed failed/), 'Fix and resubmit');
  await workbench.notification(/Lower --batch.* Change the config, then submit it to bed again/);
  await page.locator('.statusbar-item').filter({ hasText: /^Ln 5, Col 11 \(10 selected\)/ }).waitFor(); // prettier-ignore
  await picture('fix');
});

test('a container is built step by step', { skip: podman }, async () => {
  await runAndChoose('EDM Workbench: Build container for cluster', 'bed');
  await workbench.notification(/Build container for bed/);
  await picture('container');
  await workbench.notification(
    /The image is ready: write "container: \/home\/alice\/edm-workbench\/containers\/edm-[0-9a-f]{12}\.sif"/,
  );
});

test('neither view violated its content security policy or logged an error', () => {
  // An error that the user is told is written to the console as well.
  const untold = workbench.consoleErrors().filter((text) => !text.startsWith('cifar on bed failed'));
  assert.deepEqual(untold, []);
});
