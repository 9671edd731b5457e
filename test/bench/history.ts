/**
 * `npm run bench:history`: 10,000 results from the file to the panel's frames. The panel must show them within 300 ms, filter them
 * within 50 ms and scroll as one with 100 does. Reading is timed the first time and once a line was added. A measurement, not a test.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { historyFile, readHistory } from '../../server/history/history-store';
import type { HistoryRecord } from '../../server/shared/protocol';
import { launchChromium } from '../editor/harness/chromium.mjs';

const ROOT = path.join(__dirname, '..', '..');
const COUNTS = [100, 1000, 10_000];
const FRAMES = 200;
/** How far one frame goes: a turn of the wheel, and the scroll bar dragged a screen further. */
const SPEEDS = { wheel: 100, drag: 800 };
const SOLVERS = ['heun', 'dpmpp-2m', 'deis'] as const;
const LEVELS = [5, 6, 8, 10, 12, 18, 35];

/** Results of sweeps over solvers and steps on a fifth as many commits, in four groups that must not be compared. */
function recordsOf(count: number): HistoryRecord[] {
  return Array.from({ length: count }, (_, nth) => {
    const commit = Math.floor(nth / 5);
    const hash = commit.toString(16).padStart(8, '0').repeat(5);
    const steps = LEVELS[nth % LEVELS.length];
    const solver = SOLVERS[nth % SOLVERS.length];
    const time = (offset: number): string => new Date(Date.UTC(2026, 0, 1) + offset * 600_000).toISOString();
    return {
      version: 1,
      id: nth.toString(16).padStart(16, '0'),
      time: time(nth),
      name: `sweep-${solver}-${steps}`,
      run: `runs/${hash.slice(0, 7)}-sweep-${solver}-${steps}`,
      code: {
        ...{ commit: hash, short: hash.slice(0, 7), dirty: nth % 11 === 0, branch: 'main', author: 'Author', date: time(commit) },
        subject: `Try S_churn ${commit % 40} with sigma_max ${80 - (commit % 7)}`,
      },
      network: { name: 'fashion-mnist', sha256: 'a'.repeat(64), training_commit: '0123456789' },
      sampler: { steps, nfe: solver === 'heun' ? 2 * steps - 1 : steps, rng: 'cpu', solver },
      seeds: '0-9999',
      metric: 'FD (fashion-mnist)',
      // A slow trend and noise that a fixed generator makes.
      value: 2 - nth / (2 * count) + (((nth * 2654435761) % 1000) / 1000) * 0.4 + 3 / steps,
      standard_error: 0.02,
      num: [1000, 2000, 10_000, 50_000][nth % 4],
      detector: { name: 'fashion-mnist', sha256: 'b'.repeat(64), dimension: 128, published: false },
      reference: { name: 'fashion-mnist', sha256: 'c'.repeat(64), num: 60_000 },
      device: 'cpu',
      seconds: { generate: 83.2, measure: 4.2 },
    } satisfies HistoryRecord;
  }); // prettier-ignore
}

/** Milliseconds to read all of them from their file, and again once one was added. */
async function reading(records: readonly HistoryRecord[]): Promise<readonly [first: number, again: number]> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'edm-bench-'));
  try {
    const file = historyFile(root);
    mkdirSync(path.dirname(file));
    writeFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const once = async (): Promise<number> => {
      const begun = performance.now();
      await readHistory(root);
      return performance.now() - begun;
    };
    const first = await once();
    appendFileSync(file, `${JSON.stringify({ ...records[0], id: 'f'.repeat(16) })}\n`);
    return [first, await once()];
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** The panel as it is shipped, in a Chromium of its own: a page with its script and style. */
async function panel(): Promise<string> {
  const bundle = async (entry: string): Promise<string> => {
    const { outputFiles } = await build({
      entryPoints: [path.join(ROOT, 'media', 'history', entry)],
      ...{ bundle: true, minify: true, write: false, platform: 'browser', target: 'es2022' },
    });
    return outputFiles[0].text;
  };
  const [script, style] = await Promise.all([bundle('main.ts'), bundle('style.css')]);
  return `<!DOCTYPE html><style>${style}</style><body><script>
    window.acquireVsCodeApi = () => ({ postMessage() {}, getState() {}, setState() {} });
  </script><script>${script}</script>`;
}

interface Shown {
  shown: number;
  rows: number;
  points: number;
  filtered: number[];
  /** Sorted milliseconds from frame to frame. */
  times: Record<keyof typeof SPEEDS, number[]>;
}

/** Runs inside the page: how long the history takes to show and to filter, and the times between frames while it scrolls. */
const MEASURE = `async ({ records, frames, speeds }) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  // The frame after the next: what was changed is then on the screen.
  const painted = async () => { await frame(); await frame(); };
  const message = { type: 'history', root: '/repository', records, problems: [], published: {} };
  await painted();
  let start = performance.now();
  window.dispatchEvent(new MessageEvent('message', { data: message }));
  await painted();
  const shown = performance.now() - start;
  const filter = document.querySelector('#filter');
  const filtered = [];
  for (const text of ['s', 'sw', 'sweep-heun', 'sweep-heun 35', 's_churn 7', '']) {
    start = performance.now();
    filter.value = text;
    filter.dispatchEvent(new Event('input'));
    await painted();
    filtered.push(performance.now() - start);
  }
  const scroller = document.querySelector('main');
  const times = {};
  for (const [name, step] of Object.entries(speeds)) {
    times[name] = [];
    scroller.scrollTop = 0;
    let last = await frame();
    for (let nth = 1; nth <= frames; nth++) {
      scroller.scrollTop = (step * nth) % (scroller.scrollHeight - scroller.clientHeight);
      const now = await frame();
      times[name].push(now - last);
      last = now;
    }
    times[name].sort((a, b) => a - b);
  }
  const count = (selector) => document.querySelectorAll(selector).length;
  return { shown, rows: count('tbody tr'), points: count('svg [role=button]'), filtered, times };
}`;

async function main(): Promise<void> {
  const html = await panel();
  const { page, close } = await launchChromium();
  for (const count of COUNTS) {
    const records = recordsOf(count);
    const [first, again] = await reading(records);
    const what = `${count.toLocaleString('en-US')} results`;
    console.log(`${what}: read in ${first.toFixed(0)} ms, with one more in ${again.toFixed(0)} ms`);
    await page.setContent(html);
    const argument = JSON.stringify({ records, frames: FRAMES, speeds: SPEEDS });
    const { shown, rows, points, filtered, times } = await page.evaluate<Shown>(`(${MEASURE})(${argument})`);
    console.log(`  shown in ${shown.toFixed(0)} ms (goal 300); ${rows} rows and ${points} points in the page`);
    console.log(`  filtered in ${filtered.map((ms) => ms.toFixed(0)).join(', ')} ms (goal 50)`);
    for (const [speed, sorted] of Object.entries(times)) {
      const [p50, p95] = [0.5, 0.95].map((share) => sorted[Math.floor(FRAMES * share)].toFixed(1));
      console.log(`  frames, ${speed}: p50 ${p50}, p95 ${p95}, longest ${sorted[FRAMES - 1].toFixed(1)} ms`);
    }
  }
  await close();
}

void main();
