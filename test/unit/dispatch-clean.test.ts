/** What may go from a work folder: never what a job uses or what is nowhere else; and space in words. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { identify, type Cluster } from '../../server/cluster/cluster';
import { LocalHost } from '../../server/cluster/local-host';
import type { Scheduler } from '../../server/cluster/scheduler';
import { judge, lookThrough, remove, type CleanWish } from '../../server/dispatch/clean';
import { bytesText, nearlyFull, readSpace, spaceText } from '../../server/dispatch/space';
import { isItemPath, type WorkFolder } from '../../server/dispatch/work-folder';
import type { Job } from '../../server/shared/protocol';
import type { Dispatch } from '../../server/shared/schema-types.gen';
import { temporaryFolder } from '../server/workspace';

const COMMIT = 'a'.repeat(40);
const OTHER = 'b'.repeat(40);
const TREE = `commits/edm-1234abcd/${COMMIT}`;
const RUN = `${TREE}/runs/a1b2c3d-x-abcdef`;
const WISH: CleanWish = { olderThan: 30, largerThan: 0, states: ['complete', 'failed', 'cancelled'], unfetched: false };
const NOW = 1_800_000_000;
const OLD = NOW - 40 * 86_400;

const FOUND: WorkFolder = {
  folder: '/work',
  now: NOW,
  items: [
    { kind: 'run', path: RUN, bytes: 5e9, modified: OLD, status: 'complete' },
    { kind: 'commit', path: TREE, bytes: 6e9, modified: OLD },
    { kind: 'commit', path: `commits/edm-1234abcd/${OTHER}`, bytes: 1e6, modified: OLD },
    { kind: 'file', path: 'files/0123456789abcdef', bytes: 2e8, modified: OLD },
    { kind: 'program', path: 'workbench/0.1.0-now', bytes: 1e8, modified: OLD },
    { kind: 'program', path: 'workbench/0.1.0-old', bytes: 1e8, modified: OLD },
  ],
  uses: [{ run: RUN, file: 'files/0123456789abcdef' }],
};
const dispatch = (state: Dispatch['state'], fetched: Dispatch['fetched'] = []): Dispatch =>
  ({ state, fetched, folder: `/work/${TREE}`, run: 'runs/a1b2c3d-x-abcdef' }) as Dispatch;
const job = (more: Partial<Job>): Job => ({ id: '1', state: 'running', ...more }) as Job;

const going = (known: Partial<Parameters<typeof judge>[1]>, wish: Partial<CleanWish> = {}, found = FOUND): string[] =>
  judge(found, { jobs: [], dispatches: [], program: '0.1.0-now', ...known }, { ...WISH, ...wish })
    .filter(({ kept }) => kept === undefined)
    .map(({ kind, path: name }) => `${kind} ${name.slice(0, 14)}`);
const ALL = [
  'run commits/edm-12',
  'commit commits/edm-12',
  'commit commits/edm-12',
  'file files/01234567',
  'program workbench/0.1.',
];

test('a run that was fetched goes, with its tree and files; the program of this version stays', () => {
  const dispatches = [dispatch('complete', ['results'])];
  assert.deepEqual(going({ dispatches }), ALL);
  const [run, tree] = judge(FOUND, { jobs: [], dispatches, program: '' }, WISH);
  assert.equal(run.note, 'its images are there alone');
  assert.equal(tree.bytes, 1e9, 'a tree is told without its runs');
  assert.deepEqual(going({ dispatches }, { olderThan: 41 }), []);
  assert.deepEqual(going({ dispatches }, { largerThan: 2e9 }), ['run commits/edm-12']);
});

test('what is nowhere else, or not over, stays, and with it what it needs', () => {
  const rest = ['commit commits/edm-12', 'program workbench/0.1.'];
  assert.deepEqual(going({}), rest, 'complete by its manifest, and fetched by nobody here');
  assert.deepEqual(going({}, { unfetched: true }), ALL);
  for (const state of ['preparing', 'submitted', 'ended'] as const)
    assert.deepEqual(going({ dispatches: [dispatch(state)] }, { unfetched: true, states: ['complete', 'failed', 'cancelled', 'unknown'] }), rest, state); // prettier-ignore
  const running = { ...FOUND, items: FOUND.items.map((item) => ({ ...item, status: item.status && 'running' })) };
  assert.deepEqual(going({}, {}, running), rest, 'no job, no end: not known');
  assert.deepEqual(going({}, { states: ['unknown'] }, running), ALL);
});

test('what a job that has not ended may use stays, whatever is wished', () => {
  const known = (more: Partial<Job>) => ({ dispatches: [dispatch('complete', ['results'])], jobs: [job(more)] });
  assert.deepEqual(going(known({ folder: `/work/${TREE}`, stdout: `/work/${RUN}/generate-1.out` })), ['commit commits/edm-12']); // prettier-ignore
  // Of another run of the same commit: only the tree is needed.
  assert.deepEqual(going(known({ folder: `/work/${TREE}`, stdout: `/work/${TREE}/runs/other/generate-1.out` })), ['run commits/edm-12', 'commit commits/edm-12']); // prettier-ignore
  assert.deepEqual(going(known({ folder: undefined })), [], 'a job of which nothing is known');
  assert.deepEqual(going(known({ folder: '/elsewhere', state: 'done' })), ALL, 'ended');
});

test('paths of a listing lead nowhere else', () => {
  for (const [kind, name] of [
    ['run', `${TREE}/../../x`],
    ['run', TREE],
    ['commit', 'commits/..'],
    ['file', 'files/../repositories'],
    ['program', 'workbench/..'],
    ['run', `/${RUN}`],
  ] as const)
    assert.equal(isItemPath(kind, name), false, name);
  for (const { kind, path: name } of FOUND.items) assert.ok(isItemPath(kind, name), name);
});

test('a real folder: listed, and what goes is removed; a tracked plan.json is no run', async () => {
  const work = temporaryFolder();
  const put = (name: string, text: string, days = 40): void => {
    const file = path.join(work, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    for (let at = file; at !== work; at = path.dirname(at)) utimesSync(at, Date.now() / 1000, Date.now() / 1000 - days * 86_400); // prettier-ignore
  };
  put(`${RUN}/images/000000.png`, 'x'.repeat(100_000));
  put(`${RUN}/run.json`, '{\n  "version": 1,\n  "status": "failed"\n}\n');
  put(`${RUN}/plan.json`, '{"network": {"file": "/work/files/0123456789abcdef/a.onnx"}}\n');
  put(`${TREE}/src/plan.json`, 'of the project');
  put('files/0123456789abcdef/a.onnx', 'a');
  put('files/fedcba9876543210/b.onnx', 'b');
  put(`commits/edm-1234abcd/${OTHER}/runs/young-abcdef/edm.json`, '{}', 0);
  mkdirSync(path.join(work, `commits/edm-1234abcd/${OTHER}/runs/young-abcdef/images`));
  const host = new LocalHost();
  const scheduler = { queue: () => Promise.resolve([] as Job[]) } as unknown as Scheduler; // the queue alone is asked
  const cluster: Cluster = { profile: { name: 'here', local: true, work_folder: work }, host, files: host.files, scheduler, ...(await identify(host)) }; // prettier-ignore
  const verdicts = await lookThrough(cluster, { dispatches: [], program: 'x' }, WISH);
  const gone = verdicts.filter(({ kept }) => kept === undefined).map(({ path: name }) => name);
  assert.deepEqual(gone.sort(), [TREE, RUN, 'files/0123456789abcdef', 'files/fedcba9876543210'].sort());
  assert.ok((verdicts.find(({ kind }) => kind === 'run')?.bytes ?? 0) >= 100_000);
  assert.ok(existsSync(path.join(work, RUN)), 'looking removes nothing');
  await remove(cluster, work, verdicts);
  assert.deepEqual([RUN, TREE, 'files/fedcba9876543210', `commits/edm-1234abcd/${OTHER}`].map((name) => existsSync(path.join(work, name))), [false, false, false, true]); // prettier-ignore
});

test('quotas as lfs and quota print them, and a disk as df does', () => {
  const text = `quota      /lustre/scratch  950000* 0 1000000 - 12 0 0 -
quota Disk quotas for user alice (uid 60001):
quota      Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
quota  nas:/home  500  1000  2000  3  0  0
quota /proj 12 0 0 - 1 0 0 -
disk nas:/home 1000 100 800 12% /home
`;
  const spaces = readSpace(text);
  assert.deepEqual(
    spaces.map(({ of, kind, used, limit }) => [of, kind, used / 1024, limit / 1024]),
    [
      ['/lustre/scratch', 'quota', 950000, 1000000],
      ['nas:/home', 'quota', 500, 1000],
      ['nas:/home', 'disk', 100, 900],
    ],
  );
  assert.match(spaceText(spaces[0]), /^Quota on \/lustre\/scratch: 973 MB of 1\.0 GB used$/);
  assert.match(nearlyFull(spaces, 'icm').join(), /973 MB of 1\.0 GB used: "edm-workbench cluster clean --cluster icm"/);
  assert.equal(nearlyFull(spaces, 'icm').length, 1);
  assert.deepEqual([999, 1500, 999_600, 1e9, 12e12].map(bytesText), ['1.0 kB', '1.5 kB', '1.0 MB', '1.0 GB', '12.0 TB']); // prettier-ignore
});
