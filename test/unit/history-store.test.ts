import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { appendRecord, readHistory, recordId } from '../../server/history/history-store';
import type { HistoryRecord } from '../../server/shared/schema-types.gen';
import { makeRecord } from './history-records';

let root: string;
beforeEach(() => (root = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-history-'))));
afterEach(() => rmSync(root, { recursive: true }));

const file = (): string => path.join(root, '.edm-workbench', 'history.jsonl');

function record(changes: Partial<HistoryRecord> = {}): HistoryRecord {
  const made = makeRecord({ time: '2026-01-02T03:04:05.000Z', value: 1.25, ...changes });
  return { ...made, id: recordId(made) };
}

test('no file is an empty history', async () => {
  assert.deepEqual(await readHistory(root), { records: [], problems: [] });
});

test('a result is one line, in time order, and recorded once', async () => {
  const later = record({ time: '2026-02-01T00:00:00.000Z', value: 2 });
  const earlier = record();
  await appendRecord(root, later);
  await appendRecord(root, earlier);
  const again = record({ time: '2026-03-01T00:00:00.000Z', seconds: { generate: 0, measure: 0 } });
  assert.deepEqual(await appendRecord(root, again), earlier, 'the earlier record stands');
  assert.deepEqual(await readHistory(root), { records: [earlier, later], problems: [] });
  assert.equal(readFileSync(file(), 'utf8').trim().split('\n').length, 2);
  assert.equal(
    readFileSync(path.join(root, '.edm-workbench', '.gitattributes'), 'utf8'),
    'history.jsonl merge=union text eol=lf\n',
  );
});

test('the id depends on every part of the result, not on the order of keys, time or speed', () => {
  const { id } = record();
  assert.equal(record({ time: 'x', seconds: { generate: 0, measure: 0 } }).id, id);
  const { code, ...others } = record();
  assert.equal(record({ code: { ...code, branch: '' } }).id, id, 'a detached HEAD at the same commit');
  assert.equal(recordId({ code, ...others }), recordId({ ...others, code }));
  for (const changes of [
    { value: 1.26 },
    { num: 999 },
    { seeds: '0-998' },
    { sampler: { steps: 8, nfe: 15, rng: 'cpu' as const } },
  ]) {
    assert.notEqual(record(changes).id, id, JSON.stringify(changes));
  }
});

test('foreign lines are named; the next record starts on a line of its own', async () => {
  await appendRecord(root, record());
  appendFileSync(file(), '<<<<<<< HEAD\n{"version":1}\n>>>>>>> other');
  await appendRecord(root, record({ value: 3 }));
  const { records, problems } = await readHistory(root);
  assert.deepEqual(
    records.map(({ value }) => value),
    [1.25, 3],
  );
  assert.equal(problems.length, 3);
  assert.match(problems[0], /line 2 is not JSON \(a merge conflict marker: keep both sides\)/);
  assert.match(problems[1], /line 3: .*required/);
  assert.match(problems[2], /line 4 is not JSON \(a merge/);
});

test('what is left of a line is cut off by the next record, a whole line is kept', async () => {
  const [first, torn, next] = [record(), record({ value: 2 }), record({ value: 3 })];
  const line = JSON.stringify(torn);
  await appendRecord(root, first);
  const before = readFileSync(file(), 'utf8');
  for (let length = 1; length <= line.length; length++) {
    for (const zeros of length % 50 === 1 ? ['', '\0\0\0'] : ['']) {
      writeFileSync(file(), before + line.slice(0, length) + zeros);
      const isWhole = length === line.length && zeros === '';
      const { problems } = await readHistory(root);
      assert.deepEqual(problems.length, isWhole ? 0 : 1);
      if (!isWhole) assert.match(problems[0], /line 2 is cut off, .*: the next record takes its place/);
      await appendRecord(root, next);
      assert.deepEqual(await readHistory(root), { records: [first, ...(isWhole ? [torn] : []), next], problems: [] });
    }
  }
});

/** Another process that appends records of its own and says so after each. */
function appender(name: string, count: number, prefix = ''): ChildProcessByStdio<null, Readable, Readable> {
  const script = path.join(__dirname, 'history-appender.ts');
  const words = [process.execPath, '--import', 'tsx', script, root, name, `${count}`].map((word) => `'${word}'`);
  return spawn('sh', ['-c', `${prefix}exec ${words.join(' ')}`], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function ended(child: ChildProcessByStdio<null, Readable, Readable>) {
  const [out, err] = [text(child.stdout), text(child.stderr)];
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, said: (await out).split('\n').filter(Boolean), errors: await err };
}

test('many processes append at once: nothing is lost or torn', async () => {
  const results = await Promise.all(['a', 'b', 'c', 'd'].map((name) => ended(appender(name, 25))));
  assert.deepEqual(
    results.map(({ status }) => status),
    [0, 0, 0, 0],
    results.map(({ errors }) => errors).join(),
  );
  const { records, problems } = await readHistory(root);
  assert.deepEqual([records.length, problems], [100, []]);
  assert.deepEqual(
    readdirSync(path.join(root, '.edm-workbench', 'local')).filter((name) => name !== '.gitignore'),
    [],
    'no claim is left',
  );
});

test('killed in the middle: what was said to be recorded is there, and the next append finds a whole history', async () => {
  const said: string[] = [];
  for (let round = 0; round < 4; round++) {
    const child = appender(`r${round}`, 1000);
    const rest = ended(child);
    await once(child.stdout, 'data');
    await sleep(20 + Math.random() * 60);
    child.kill('SIGKILL');
    said.push(...(await rest).said);
  }
  await appendRecord(root, record());
  const { records, problems } = await readHistory(root);
  assert.deepEqual(problems, []);
  const names = new Set(records.map(({ name }) => name));
  assert.deepEqual(
    said.filter((name) => !names.has(name)),
    [],
  );
});

test('a full disk: one line that names the file, and the history is as it was', async () => {
  await appendRecord(root, record());
  const before = readFileSync(file());
  // A limit on the size of files fails in the middle of a write, as a full disk does.
  const blocks = 2;
  const long = 'x'.repeat(blocks * 1024 - before.length - 500);
  appendFileSync(file(), `${JSON.stringify({ ...record({ name: long, value: 2 }) })}\n`);
  const filled = readFileSync(file());
  const full = await ended(appender('a', 10, `trap '' XFSZ; ulimit -f ${Math.ceil((filled.length + 100) / 512)}; `));
  assert.equal(full.status, 2, full.errors);
  assert.match(
    full.errors,
    /^Cannot write .*history\.jsonl: it would become larger than this shell allows \(ulimit -f\)/,
  );
  const after = readFileSync(file());
  assert.deepEqual(after.subarray(0, filled.length), filled);
  assert.equal(after.length === 0 || after[after.length - 1], 10, 'no torn line is left');
  // The same where the process ends at once.
  await ended(appender('b', 10, `ulimit -f ${Math.ceil((filled.length + 100) / 512)}; `));
  await appendRecord(root, record({ value: 4 }));
  assert.deepEqual((await readHistory(root)).problems, []);
});

test('a history that is no file, or a link out of the repository', async () => {
  mkdirSync(file(), { recursive: true });
  const isOneLine = /^UserError: [^\n]*history\.jsonl[^\n]*$/;
  await assert.rejects(readHistory(root), isOneLine);
  await assert.rejects(appendRecord(root, record()), isOneLine);
  rmSync(file(), { recursive: true });
  execFileSync('mkfifo', [file()]);
  await assert.rejects(readHistory(root), isOneLine);
  await assert.rejects(appendRecord(root, record()), isOneLine);
  rmSync(file());
  const elsewhere = `${root}-elsewhere`;
  writeFileSync(elsewhere, 'theirs\n');
  symlinkSync(elsewhere, file());
  await assert.rejects(appendRecord(root, record()), /history\.jsonl leads out of .* by a link/);
  assert.equal(readFileSync(elsewhere, 'utf8'), 'theirs\n');
  rmSync(elsewhere);
});

test('read again: a line that changed without changing its length, one that moved, and one that is damaged now', async () => {
  const [one, two] = [record(), record({ time: '2026-02-01T00:00:00.000Z', value: 2.5 })];
  await appendRecord(root, one);
  await appendRecord(root, two);
  assert.deepEqual((await readHistory(root)).records, [one, two]);
  const lines = readFileSync(file(), 'utf8').trim().split('\n');
  const changed = { ...two, value: 7.5 };
  writeFileSync(file(), `${lines[1].replace('"value":2.5', '"value":7.5')}\n${lines[0]}\n`);
  assert.deepEqual((await readHistory(root)).records, [one, changed]);
  const half = lines[1].slice(0, 40);
  writeFileSync(file(), `${lines[0]}\n${half}`);
  assert.match((await readHistory(root)).problems[0] ?? '', /line 2 is cut off/);
  // The same text is no rest where another line follows.
  writeFileSync(file(), `${half}\n${lines[0]}\n`);
  const { records, problems } = await readHistory(root);
  assert.deepEqual(records, [one]);
  assert.match(problems[0] ?? '', /line 1 is not JSON/);
});
