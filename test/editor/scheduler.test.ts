/** A login node whose scheduler does not answer: sbatch is on PATH, squeue fails or hangs. And when it works again. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Locator } from 'playwright-core';
import { repository, ROOT } from '../server/workspace';
import { LoginNode } from './harness/login-node';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

const PICTURES = process.env.EDM_PICTURES;
const ERROR = 'squeue: error: slurm_load_jobs error: Unable to contact slurm controller (connect failure)';
/** Of these, what is told. */
const WORDS = 'Unable to contact slurm controller (connect failure)';

/** What squeue does: the version first, where the controller is not needed. */
const SQUEUE = {
  /** As where a module or a library is missing. */
  broken: `echo "squeue: error while loading shared libraries: libslurm.so" >&2; exit 127`,
  failing: `case "$*" in *--version*) echo "slurm 22.05.8"; exit ;; esac; echo "${ERROR}" >&2; exit 1`,
  hanging: `case "$*" in *--version*) echo "slurm 22.05.8"; exit ;; esac; exec sleep 600`,
  working: undefined,
};

const node = new LoginNode();
let workbench: Workbench;

const install = (how: keyof typeof SQUEUE): void => node.install('squeue', SQUEUE[how]);

async function open(squeue: keyof typeof SQUEUE): Promise<void> {
  install(squeue);
  workbench = await openWorkbench({
    workspace: repository({ 'job.slurm': '#!/bin/bash\n#SBATCH --time=1:00\nhostname\n' }),
    extensionDevelopmentPath: ROOT,
    env: node.env,
    theme: process.env.EDM_THEME as Theme | undefined,
  });
  await workbench.runCommand('View: Show EDM Workbench');
}

const row = (text: string | RegExp): Locator =>
  workbench.page.locator('.part.sidebar .monaco-list-row').filter({ hasText: text }).first();
const statusItem = (text: string | RegExp): Locator =>
  workbench.page.locator('.statusbar-item').filter({ hasText: text }).first();

async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `scheduler-${name}.png`));
}

before(() => open('failing'));
after(() => workbench.close());

test('squeue fails: tree, status bar and queue say so at once, in its words', async () => {
  await row(/this-machine.*queue not known/).waitFor();
  await row(WORDS).waitFor();
  await statusItem('jobs not known').waitFor();
  assert.equal(await statusItem(/\d running/).count(), 0);
  await row(WORDS).click();
  const queue = await workbench.webview('Queue');
  await queue.locator('.banner').filter({ hasText: WORDS }).waitFor();
  assert.match(await queue.locator('.banner').innerText(), /It is asked again by itself; Refresh asks now/);
  await queue.locator('.empty').filter({ hasText: 'The queue of this-machine is not known.' }).waitFor();
  await picture('failing');
});

test('squeue works again: everything recovers by itself', async () => {
  install('working');
  const queue = await workbench.webview('Queue');
  await queue.locator('.empty').filter({ hasText: 'No jobs.' }).waitFor();
  await queue.locator('.banner').waitFor({ state: 'hidden' });
  await row(/this-machine.*no jobs/).waitFor();
  await statusItem('0 running, 0 queued').waitFor();
  assert.equal(await row(WORDS).count(), 0);
  await picture('working');
});

test('squeue hangs: what was known stays, marked as not up to date, while it is waited for', async () => {
  install('hanging');
  const queue = await workbench.webview('Queue');
  await queue.locator('button').filter({ hasText: 'Refresh' }).click();
  await queue.locator('.banner').filter({ hasText: 'The scheduler has not answered for 10 s' }).waitFor();
  await row(/this-machine.*no jobs, not up to date/).waitFor();
  await picture('hanging');
});

test('squeue cannot even be started: told too, and it recovers', async () => {
  await workbench.close();
  await open('broken');
  await row(/this-machine.*queue not known/).waitFor();
  await row('libslurm.so').waitFor();
  await statusItem('jobs not known').waitFor();
  await picture('broken');
  install('working');
  await row(/this-machine.*no jobs/).waitFor();
  await statusItem('0 running, 0 queued').waitFor();
});

test('neither view logged an error', () => {
  assert.deepEqual(workbench.consoleErrors(), []);
});
