/** The history of ended jobs in the queue panel: page by page through a Slurm whose accounting answers as the test has it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { FrameLocator } from 'playwright-core';
import { allowClusters, ownState } from '../cluster/allow';
import { repository, ROOT } from '../server/workspace';
import { LoginNode } from './harness/login-node';
import { openWorkbench, type Theme, type Workbench } from './harness/workbench';

const PICTURES = process.env.EDM_PICTURES;
const { EDM_THEME } = process.env;
const ZOOM = Number(process.env.EDM_ZOOM ?? 1);

/** sacct with a job every 40 minutes for three days, none before; each question is written down. */
const SACCT = `
const { appendFileSync } = require('node:fs');
const words = process.argv.slice(2);
const value = (name) => words[words.indexOf(name) + 1];
appendFileSync(process.env.HOME + '/asked', words.join(' ') + '\\n');
const fields = words.find((word) => word.startsWith('--format=')).slice(9).split(',');
const time = (text) => Date.parse(text + 'Z');
const since = time(value('--starttime'));
const until = words.includes('--endtime') ? time(value('--endtime')) : Infinity;
const start = Number(process.env.HISTORY_START);
const text = (ms) => new Date(ms).toISOString().slice(0, 19);
for (let nth = 0; nth < 108; nth++) {
  const ended = start - (nth + 1) * 2_400_000;
  if (ended < since || ended - 1_800_000 > until) continue;
  const state = nth % 7 === 3 ? 'FAILED' : nth % 11 === 5 ? 'TIMEOUT' : 'COMPLETED';
  const row = {
    JobID: 9000 - nth, JobIDRaw: 9000 - nth, State: state, ExitCode: state === 'FAILED' ? '1:0' : '0:0', User: require('node:os').userInfo().username,
    Account: 'proja', Partition: nth % 3 ? 'gpu' : 'cpu', Submit: text(ended - 3_600_000), Start: text(ended - 1_800_000), End: text(ended),
    Elapsed: '00:30:00', Timelimit: '02:00:00', AllocTRES: 'cpu=4,gres/gpu=1', ReqTRES: 'cpu=4', NNodes: 1, NodeList: 'g1', Reason: 'None',
    WorkDir: '/tmp', Comment: '', JobName: ['edm-cifar10', 'fid-cifar10', 'unet-ablation'][nth % 3], SubmitLine: 'sbatch x',
  };
  console.log(fields.map((name) => row[name] ?? '').join('\\x1f'));
}
`;

const node = new LoginNode();
let workbench: Workbench;
let queue: FrameLocator;

before(async () => {
  const script = path.join(node.home, 'sacct.cjs');
  writeFileSync(script, SACCT);
  node.install('sacct', `HISTORY_START=${Date.now()} exec "${process.execPath}" "${script}" "$@"`);
  const workspace = repository({
    '.edm-workbench/clusters.yaml': 'clusters:\n  - name: rysy\n    local: true\n    poll_seconds: 10\n',
    '.vscode/settings.json': JSON.stringify({ 'edmWorkbench.queue.historyJobs': 30 }),
  });
  await allowClusters(workspace);
  workbench = await openWorkbench({
    workspace,
    extensionDevelopmentPath: ROOT,
    env: { ...node.env, XDG_STATE_HOME: ownState() },
    theme: EDM_THEME as Theme | undefined,
    ...(ZOOM !== 1 && { settings: { 'window.zoomLevel': 0 }, viewport: { width: 1280 / ZOOM, height: 800 / ZOOM } }),
  });
  await workbench.runCommand('EDM Workbench: Show queue');
  queue = await workbench.webview('Queue');
});
after(() => workbench.close());

const asked = (): string[] => readFileSync(path.join(node.home, 'asked'), 'utf8').trim().split('\n');
const rows = (): Promise<number> =>
  queue.locator('.grid').getAttribute('aria-rowcount').then((count) => Number(count) - 1); // prettier-ignore
const extent = (text: string | RegExp) => queue.locator('.past p').filter({ hasText: text }).waitFor();

async function picture(name: string): Promise<void> {
  if (PICTURES) await workbench.screenshot(path.join(PICTURES, `ended-${name}.png`));
}

test('the view of ended jobs: newest first, as many as the setting says, and how far back they go', async () => {
  await queue.locator('#whose').selectOption('finished');
  await extent(/^All since \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/);
  assert.equal(await rows(), 30);
  assert.equal(await queue.locator('.canvas .row .column-id').first().innerText(), '9000');
  assert.ok(await queue.locator('.canvas .row .column-ended').first().isVisible());
  assert.equal(await queue.locator('[role=columnheader].column-ended').getAttribute('aria-sort'), 'descending');
  assert.equal(asked().length, 1);
  await picture('first');
});

test('by keyboard: the next page is asked for once, the focus stays, and what comes is told', async () => {
  const older = queue.locator('.past button');
  await queue.locator('.canvas .row').first().focus();
  await workbench.press('Tab');
  await workbench.press('Enter');
  await workbench.press('Enter');
  await extent('Older ones are asked for; there is one question in 10 s at most');
  assert.equal(await older.getAttribute('aria-disabled'), 'true');
  await picture('asking');
  await extent('The last page has 30 jobs.');
  assert.equal(await rows(), 60);
  assert.equal(asked().length, 2);
  assert.equal(await queue.locator('.past button:focus').count(), 1);
  assert.ok(((await queue.locator('.grid').boundingBox())?.height ?? 0) > 100, 'also in a low window');
  await picture('second');
});

test('until there are no more, which is told', async () => {
  for (const text of ['The last page has 30 jobs', 'The last page has 18 jobs', 'None ended between']) {
    await queue.locator('.past button[aria-disabled=false]').click();
    await extent('Older ones are asked for');
    await extent(text);
  }
  assert.equal(await rows(), 108);
  await queue.locator('#filter').fill('fid timeout');
  await queue.locator('.total').filter({ hasText: ' of 108 rows' }).waitFor();
  await picture('filtered');
  await queue.locator('#whose').selectOption('mine');
  await queue.locator('.empty').filter({ hasText: 'No jobs. The filter has nothing to search.' }).waitFor();
  assert.deepEqual(workbench.consoleErrors(), []);
});
