import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ConnectionLostError } from '../../server/cluster/host';
import { LocalHost } from '../../server/cluster/local-host';
import { explain, LOG_FINDINGS, progressOf } from '../../server/cluster/log-findings';
import { followLog, LineReader, type LogNews } from '../../server/cluster/log-follower';
import { until } from '../until';

const folder = mkdtempSync(path.join(os.tmpdir(), 'log-'));
after(() => rmSync(folder, { recursive: true }));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a bar of tqdm, as in the lecture', () => {
  assert.deepEqual(progressOf(' 10%|█         | 79/782 [00:12<01:10,  9.95batch/s]'), { done: 79, total: 782, rate: '9.95batch/s', eta: '01:10' }); // prettier-ignore
  assert.deepEqual(progressOf('  0%|          | 0/782 [00:00<?, ?batch/s]'), { done: 0, total: 782 });
  assert.deepEqual(progressOf('100%|██| 1.2k/2.0M [1:02:03<00:00]'), { done: 1200, total: 2e6, eta: '00:00' });
  assert.equal(progressOf('Loading images from "out_50k"...'), undefined);
});

test('known failures and harmless noise', () => {
  for (const [line, id] of [
    ['13:4: not a valid test operator: (', 'apptainer-noise'],
    ['INFO:    underlay of /etc/localtime required more than 50 (94) bind mounts', 'bind-noise'],
    ['torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB', 'cuda-memory'],
    ['slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.batch.', 'memory'],
    ['slurmstepd: error: *** JOB 7 ON g1 CANCELLED AT 2026-11-24T08:50:41 DUE TO TIME LIMIT ***', 'time-limit'],
    ['slurmstepd: error: *** JOB 7 ON g1 CANCELLED AT 2026-11-24T08:50:41 ***', 'cancelled'],
    ["ModuleNotFoundError: No module named 'torch'", 'module'],
    ['FATAL:   could not open image /home/a/edm.sif: no such file', 'container-missing'],
    ['OSError: [Errno 122] Disk quota exceeded', 'quota'],
    ["FileNotFoundError: [Errno 2] No such file or directory: 'x.pkl'", 'file'],
    ['bash: torchrun: command not found', 'command'],
    ['RuntimeError: No CUDA GPUs are available', 'no-gpu'],
  ] as const)
    assert.equal(explain(line)?.id, id, line);
  assert.equal(explain('Calculating FID...'), undefined);
  assert.equal(new Set(LOG_FINDINGS.map(({ id }) => id)).size, LOG_FINDINGS.length);
});

test('lines: cut anywhere, overwritten, coloured', () => {
  const text =
    'a\r\n 5%|x| 1/20 [00:01<00:19, 1it/s]\r10%|█▍| 2/20 [00:02<00:18, 1it/s]\nKäse \x1b[31mred\x1b[0m\nlast';
  const bytes = Buffer.from(text);
  const whole = new LineReader();
  const expected = [...whole.take(bytes).lines, ...whole.end().lines];
  assert.deepEqual(expected, ['a', '10%|█▍| 2/20 [00:02<00:18, 1it/s]', 'Käse red', 'last']);
  for (let cut = 1; cut < bytes.length; cut++) {
    const reader = new LineReader();
    const lines = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((part) => reader.take(part).lines);
    assert.deepEqual([...lines, ...reader.end().lines], expected, `cut at ${cut}`);
  }
});

test('bytes that are no UTF-8 are shown as such, and spoil nothing else', () => {
  const reader = new LineReader();
  const pieces = [Buffer.from([0x61, 0xff, 0xc5]), Buffer.from([0x0a, 0xc5]), Buffer.from([0xbc, 0x0a, 0xe4, 0xb8])];
  assert.deepEqual(pieces.flatMap((piece) => reader.take(piece).lines), ['a\ufffd\ufffd', 'ż']); // prettier-ignore
  assert.deepEqual(reader.end().lines, ['\ufffd']);
});

/** This machine, where reading a file fails as told. */
function failing(failure: () => Error | undefined): LocalHost {
  const host = new LocalHost();
  const read: typeof host.files.read = (...args) => {
    const error = failure();
    return error ? Promise.reject(error) : host.files.read(...args);
  };
  const files = Object.create(host.files, { read: { value: read } }) as typeof host.files;
  return Object.create(host, { files: { value: files } }) as LocalHost;
}

test('a file that comes between two looks, and in that moment the connection goes', async () => {
  const file = path.join(folder, 'between.out');
  writeFileSync(file, 'one\n');
  const failures = [new Error('no such file'), new ConnectionLostError('gone')];
  const lines: string[] = [];
  const onNews = (news: LogNews): number => lines.push(...news.lines);
  const follow = { path: file, signal: new AbortController().signal, isOver: () => true, onNews, pauseSeconds: 0.01 };
  await followLog(failing(() => failures.shift()), follow); // prettier-ignore
  assert.deepEqual(lines, ['one']);
});

test('a file that comes late, grows, loses its connection, is replaced and ends', async () => {
  const file = path.join(folder, 'a.out');
  let reads = 0;
  const flaky = failing(() => (reads++ % 3 === 1 ? new ConnectionLostError('gone') : undefined));
  const news: LogNews[] = [];
  let over = false;
  const follow = { path: file, signal: new AbortController().signal, isOver: () => over, onNews: (part: LogNews) => news.push(part), pauseSeconds: 0.01 }; // prettier-ignore
  const following = followLog(flaky, follow);
  await pause(40);
  writeFileSync(file, 'one\ntwo\n');
  await pause(60);
  appendFileSync(file, 'thr');
  await pause(60);
  appendFileSync(file, 'ee\nCUDA out of memory\n');
  const read = (line: string) => () => news.some(({ lines }) => lines.includes(line));
  await until(read('CUDA out of memory'), 'the first four lines');
  assert.deepEqual(news.flatMap(({ lines }) => lines), ['one', 'two', 'three', 'CUDA out of memory']); // prettier-ignore
  writeFileSync(file, 'again\n');
  await until(read('again'), 'the line of the file that replaced it');
  over = true;
  appendFileSync(file, 'end without a line end: command not found');
  const explained = await following;
  assert.ok(news.some(({ restarted }) => restarted));
  assert.deepEqual(news.flatMap(({ lines }) => lines).slice(4), ['again', 'end without a line end: command not found']); // prettier-ignore
  assert.deepEqual(explained.map(({ id }) => id), ['command'], 'of the file as it is now'); // prettier-ignore
  assert.equal(readFileSync(file, 'utf8').split('\n').length, 2);
});
