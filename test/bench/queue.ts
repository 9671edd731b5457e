/**
 * `npm run bench:queue`: 10,000 jobs from the scheduler's text to the panel's frames. Reading it must stay below 100 ms,
 * the first time too (in processes of their own, nothing compiled yet), and a panel with 10,000 rows scroll as one with
 * 100 does. Prints both in one run. A measurement, not a test.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build } from 'esbuild';
import { foldArrays } from '../../server/shared/jobs';
import { DEFAULT_SORTING, filterJobs, sortJobs } from '../../media/queue/columns';
import { JSON_FIELDS, parseJson, parseTable } from '../../server/cluster/lsf/job-table';
import { FIELD_END, parseQueue, RECORD_END, squeueFormat, type Detail } from '../../server/cluster/slurm/job-table';
import type { ClusterInfo, Job, QueueState } from '../../server/shared/protocol';
import { launchChromium } from '../editor/harness/chromium.mjs';

const ROOT = path.join(__dirname, '..', '..');
const JOBS = 10_000;
const FRAMES = 200;
/** How far one frame goes: a turn of the wheel, and the scroll bar dragged a screen further. */
const SPEEDS = { wheel: 100, drag: 800 };
const REASONS = ['Priority', 'Resources', 'Dependency', 'AssocGrpCPUMinutesLimit', 'QOSMaxJobsPerUserLimit'];

/** What squeue prints of the nth job; every tenth is mine, every fifth a task of an array, two of three wait. */
function squeueRow(nth: number, detail: Detail): string {
  const waits = nth % 3 > 0;
  const array = nth % 5 === 0 ? String(nth - (nth % 50)) : '';
  const id = array ? `${array}_${nth % 50}` : String(100_000 + nth);
  const values: Record<string, string> = {
    JobArrayID: id, ArrayJobID: array || 'N/A', ArrayTaskID: array ? String(nth % 50) : 'N/A', JobID: String(100_000 + nth),
    State: waits ? 'PENDING' : 'RUNNING', Reason: waits ? REASONS[nth % REASONS.length] : 'None', TimeUsed: waits ? '0:00' : '1-06:31:21',
    TimeLimit: '2-00:00:00', NumCPUs: '16', NumNodes: '1', 'tres-alloc': 'cpu=16,mem=64G,node=1,billing=16,gres/gpu=2', NodeList: waits ? '' : `g${nth % 200}`,
    SubmitTime: '2026-11-24T08:40:40', StartTime: waits ? 'N/A' : '2026-11-24T08:40:41', EndTime: 'N/A', UserName: nth % 10 ? `user${nth % 97}` : 'alice',
    Account: 'proja', Partition: 'gpu', exit_code: '0', Comment: '', WorkDir: '/home/alice/edm', STDOUT: '/home/alice/edm/%x-%j.out', STDERR: '/home/alice/edm/%x-%j.out',
    Name: `edm_generation_${nth}`,
  }; // prettier-ignore
  const fields = squeueFormat(detail).split(',').map((field) => field.slice(0, field.indexOf(':'))); // prettier-ignore
  return fields.map((field) => `${values[field]}${field === 'Name' ? RECORD_END : FIELD_END}`).join('') + '\n';
}

function bjobsJson(): string {
  const row = (nth: number): Record<string, string> => {
    const values: Record<string, string> = { JOBID: String(nth), STAT: nth % 3 ? 'PEND' : 'RUN', USER: 'alice', QUEUE: 'gpu', JOB_NAME: 'edm', SUBMIT_TIME: 'Nov 24 08:40', SLOTS: '16' }; // prettier-ignore
    return Object.fromEntries(JSON_FIELDS.split(' ').map((field) => [field.toUpperCase(), values[field.toUpperCase()] ?? '-'])); // prettier-ignore
  };
  return JSON.stringify({ COMMAND: 'bjobs', JOBS, RECORDS: Array.from({ length: JOBS }, (_, nth) => row(nth)) });
}

function bjobsTable(): string {
  const row = (nth: number): string => {
    const waits = nth % 3 > 0;
    const name = nth % 5 ? `edm_generation_${nth}` : `edm_generation[${nth % 50}]`;
    return `${String(100_000 + nth).padEnd(7)} ${(nth % 10 ? `user${nth % 97}` : 'alice').padEnd(7)} ${waits ? 'PEND ' : 'RUN  '} gpu        login       ${(waits ? '-' : `16*g${nth % 200}`).padEnd(11)} ${name} Nov 24 08:${String(nth % 60).padStart(2, '0')}`;
  };
  const heading = 'JOBID   USER    STAT  QUEUE      FROM_HOST   EXEC_HOST   JOB_NAME   SUBMIT_TIME';
  return [heading, ...Array.from({ length: JOBS }, (_, nth) => row(nth)), ''].join('\n');
}

/** As a host hands it on: one string, decoded from bytes. */
const decoded = (text: string): string => Buffer.from(text).toString();
const squeueText = (detail: Detail): string =>
  decoded(Array.from({ length: JOBS }, (_, nth) => squeueRow(nth, detail)).join(''));

/** What is read: makes the text, then the work to measure. */
const READINGS: Readonly<Record<string, () => () => readonly Job[] | undefined>> = {
  'squeue, 10,000 jobs of everybody': () => reading(squeueText('lean'), (text) => parseQueue(text, 'lean')),
  'squeue, 10,000 jobs of mine, all details': () => reading(squeueText('full'), (text) => parseQueue(text, 'full')),
  'bjobs -w, 10,000 jobs': () => reading(decoded(bjobsTable()), (text) => parseTable(text, '/home/alice')),
  'bjobs -json, 10,000 jobs': () => reading(decoded(bjobsJson()), (text) => parseJson(text, '/home/alice')),
};
const reading = <T>(text: string, read: (text: string) => T) => () => read(text); // prettier-ignore

interface Times {
  first: number;
  median: number;
}

/** Milliseconds of the first time, and of the 15 after it. */
function measure(work: () => unknown): Times {
  const once = (): number => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  };
  const first = once();
  return { first, median: Array.from({ length: 15 }, once).sort((a, b) => a - b)[7] };
}

/** In five processes of its own, the least of each: what else the machine does makes any one of them late. */
function measureAnew(what: string): Times {
  const times = Array.from({ length: 5 }, () => {
    const { stdout } = spawnSync(process.execPath, [...process.execArgv, __filename, what], { encoding: 'utf8' });
    return JSON.parse(stdout) as Times;
  });
  const least = (key: keyof Times): number => Math.min(...times.map((one) => one[key]));
  return { first: least('first'), median: least('median') };
}

function tell(what: string, { first, median }: Times, goal = ''): void {
  console.log(`${what.padEnd(44)} first ${first.toFixed(1).padStart(6)} ms   median ${median.toFixed(1).padStart(6)} ms${goal}`); // prettier-ignore
}

const queueOf = (jobs: Job[]): QueueState => ({
  ...{ cluster: 'bed', taken: new Date().toISOString(), whose: 'all', user: 'alice', finished: [], ended: [] },
  ...{ jobs, load: [{ partition: 'gpu', cpus: [900, 1600], gpus: [180, 200] }] },
});

/** The panel as it is shipped, in a Chromium of its own: a page with its script and style. */
async function panel(): Promise<string> {
  const bundle = async (entry: string): Promise<string> => {
    const { outputFiles } = await build({
      entryPoints: [path.join(ROOT, 'media', 'queue', entry)],
      ...{ bundle: true, minify: true, write: false, platform: 'browser', target: 'es2022' },
    });
    return outputFiles[0].text;
  };
  const [script, style] = await Promise.all([bundle('main.ts'), bundle('style.css')]);
  return `<!DOCTYPE html><style>${style}</style><body><script>
    window.acquireVsCodeApi = () => ({ postMessage() {}, getState() {}, setState() {} });
  </script><script>${script}</script>`;
}

interface Frames {
  shown: number;
  rows: number;
  again: number;
  /** Sorted milliseconds from frame to frame. */
  times: Record<keyof typeof SPEEDS, number[]>;
}

/** Runs inside the page: how long the queue takes to show, and the times between frames while it scrolls. */
const MEASURE = `async ({ clusters, queue, frames, speeds }) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const say = (data) => window.dispatchEvent(new MessageEvent('message', { data }));
  say({ type: 'clusters', clusters, shown: 'bed' });
  let start = performance.now();
  say({ type: 'queue', queue });
  await frame();
  const shown = performance.now() - start;
  const grid = document.querySelector('.grid');
  const times = {};
  for (const [name, step] of Object.entries(speeds)) {
    times[name] = [];
    grid.scrollTop = 0;
    let last = await frame();
    for (let nth = 1; nth <= frames; nth++) {
      grid.scrollTop = (step * nth) % (grid.scrollHeight - grid.clientHeight);
      const now = await frame();
      times[name].push(now - last);
      last = now;
    }
    times[name].sort((a, b) => a - b);
  }
  start = performance.now();
  say({ type: 'queue', queue: { ...queue, taken: new Date().toISOString() } });
  const again = performance.now() - start;
  return { shown, rows: grid.querySelectorAll('.row').length, again, times };
}`;

async function main(): Promise<void> {
  const [, , one] = process.argv;
  if (one !== undefined) return console.log(JSON.stringify(measure(READINGS[one]())));
  for (const what of Object.keys(READINGS)) tell(what, measureAnew(what), '   goal 100 ms');
  const jobs = parseQueue(squeueText('lean'), 'lean');
  const clock = { taken: Date.now(), now: Date.now() };
  tell(
    'sorted by state',
    measure(() => sortJobs(jobs, DEFAULT_SORTING, 'alice', clock)),
  );
  tell(
    'sorted by name',
    measure(() => sortJobs(jobs, { column: 'name', descending: true }, 'alice', clock)),
  );
  tell(
    'filtered',
    measure(() => filterJobs(jobs, 'priority user7')),
  );
  tell(
    'arrays folded',
    measure(() => foldArrays(jobs)),
  );

  const html = await panel();
  const { page, close } = await launchChromium();
  const clusters: ClusterInfo[] = [{ profile: { name: 'bed', host: 'bed' }, connection: 'connected' }];
  for (const count of [100, JOBS]) {
    await page.setContent(html);
    const argument = { clusters, queue: queueOf(jobs.slice(0, count)), frames: FRAMES, speeds: SPEEDS };
    const expression = `(${MEASURE})(${JSON.stringify(argument)})`;
    const { shown, rows, again, times } = await page.evaluate<Frames>(expression);
    const what = `panel, ${count.toLocaleString('en-US')} jobs`.padEnd(44);
    console.log(`${what} shown in ${shown.toFixed(0)} ms, anew in ${again.toFixed(0)} ms; ${rows} rows in the page`);
    for (const [speed, sorted] of Object.entries(times)) {
      const [p50, p95] = [0.5, 0.95].map((share) => sorted[Math.floor(FRAMES * share)].toFixed(1));
      console.log(
        `  frames, ${speed}`.padEnd(44),
        `p50 ${p50}   p95 ${p95}   longest ${sorted[FRAMES - 1].toFixed(1)} ms`,
      );
    }
  }
  await close();
}

void main();
