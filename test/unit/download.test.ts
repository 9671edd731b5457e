import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { cacheName, downloadFolder } from '../../server/download/download-cache';
import { download } from '../../server/download/download';
import { Transfer } from '../../server/download/transfer';
import { urlFileName } from '../../server/download/url';
import { CancelledError, UserError } from '../../server/errors';
import type { Progress } from '../../server/shared/progress';
import { until } from '../until';
import { FileServer } from './download-server';

const CONTENT = randomBytes(3_000_000);
const home = mkdtempSync(path.join(tmpdir(), 'edm-download-'));
let server: FileServer;
let number = 0;
/** An address that no other test uses. */
const fresh = (ending = '.pkl'): string => server.url(`net-${number++}${ending}`);

before(async () => {
  process.env.XDG_CACHE_HOME = path.join(home, 'cache');
  process.env.DNNLIB_CACHE_DIR = path.join(home, 'dnnlib');
  server = await FileServer.start(CONTENT);
});
beforeEach(() => {
  server.next.length = server.requests.length = 0;
  server.content = CONTENT;
  server.etag = '"one"';
});
after(() => {
  server.stop();
  rmSync(home, { recursive: true, force: true });
});

const fails = (promise: Promise<string>, message: RegExp): Promise<void> =>
  assert.rejects(promise, (error) => error instanceof UserError && message.test(error.message));

test('a file is fetched once, under the name that dnnlib would give it', async () => {
  const url = fresh();
  const seen: Progress[] = [];
  const file = await download(url, 'network', { onProgress: (progress) => seen.push(progress) });
  assert.deepEqual(readFileSync(file), CONTENT);
  // dnnlib.util.open_url: md5 of the URL, an underscore, the URL with everything unusual replaced.
  const md5 = createHash('md5').update(url).digest('hex');
  assert.equal(path.basename(file), `${md5}_${url.replace(/[^0-9a-zA-Z\-._]/g, '_')}`);
  assert.equal(await download(url, 'network'), file);
  assert.equal(server.requests.length, 1);
  const last = seen[seen.length - 1];
  assert.deepEqual([last.phase, last.done, last.total], [`Downloading MB of ${urlFileName(url)}`, 3, 3]);
  assert.deepEqual(
    readdirSync(downloadFolder()).filter((name) => !name.startsWith(md5)),
    [],
    'nothing else is left behind',
  );
});

test('connections that break are taken up where they broke, across processes too', async () => {
  const url = fresh();
  server.next.push({ breakAfter: 1_000_000 }, { breakAfter: 1_200_000 });
  assert.deepEqual(readFileSync(await download(url, 'network')), CONTENT);
  const [, second = NaN, third = NaN] = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
  assert.ok(second > 0 && second <= 1_000_000 && third > second && third <= 2_200_000, `${second} ${third}`);

  const other = fresh();
  server.next.push(...Array.from({ length: 9 }, (_, i) => (i === 0 ? { breakAfter: 500_000 } : { status: 503 })));
  await fails(download(other, 'network'), /answered 503; the received part is kept: try again later, or download it/);
  server.requests.length = server.next.length = 0;
  assert.deepEqual(readFileSync(await download(other, 'network')), CONTENT);
  assert.ok(server.requests[0].range, 'the second try resumes');
});

test('a file that changed meanwhile starts anew', async () => {
  const url = fresh();
  server.next.push({ breakAfter: 800_000 }, { status: 503 });
  const changed = randomBytes(2_000_000);
  const downloading = download(url, 'network');
  await until(() => server.requests.length === 2, 'the second request');
  server.content = changed;
  server.etag = '"two"';
  assert.deepEqual(readFileSync(await downloading), changed);
});

test('a server without ranges serves the whole file again', async () => {
  const url = fresh();
  server.next.push({ breakAfter: 700_000, noRange: true }, { noRange: true });
  assert.deepEqual(readFileSync(await download(url, 'network')), CONTENT);
  assert.equal(server.requests[1].range, undefined);
});

test('a file shorter than the server claims is never taken for whole', async () => {
  const url = fresh();
  server.next.push(...Array.from({ length: 100 }, () => ({ lie: 1000, noRange: true })));
  await fails(download(url, 'network'), /broke off/);
  assert.ok(!existsSync(path.join(downloadFolder(), cacheName(url))));
});

test("files in EDM's own cache are used, unless two claim to be the same", async () => {
  const url = fresh();
  const folder = path.join(home, 'dnnlib', 'downloads');
  mkdirSync(folder, { recursive: true });
  const md5 = createHash('md5').update(url).digest('hex');
  writeFileSync(path.join(folder, `${md5}_net.pkl`), 'theirs');
  assert.equal(await download(url, 'network'), path.join(folder, `${md5}_net.pkl`));
  assert.equal(server.requests.length, 0);
  writeFileSync(path.join(folder, `${md5}_other.pkl`), 'theirs too');
  assert.deepEqual(readFileSync(await download(url, 'network')), CONTENT);
});

test('redirects are followed a few times, and only to what may be fetched', async () => {
  const url = fresh();
  server.next.push({ redirect: '/moved.pkl' }, { name: 'real name.pkl' });
  assert.match(await download(url, 'network'), /_real_name\.pkl$/);
  server.next.push(...Array.from({ length: 9 }, () => ({ redirect: '/again' })));
  await fails(download(fresh(), 'network'), /redirects more than 5 times/);
  server.next.length = 0;
  server.next.push({ redirect: 'http://example.org/net.pkl' });
  await fails(download(fresh(), 'network'), /only https addresses can be downloaded/);
});

test('what is no network is refused in words, at once', async () => {
  server.next.push({ type: 'text/html; charset=utf-8' }, { status: 404 }, { status: 403 });
  await fails(download(fresh(), 'network'), /answered with a web page, not with a network: check the address/);
  await fails(download(fresh(), 'network'), /answered 404 \(there is no such file\): check the address of the network/);
  await fails(download(fresh(), 'detector'), /answered 403 \(access denied\)/);
  server.content = Buffer.from('<!DOCTYPE html><html>Sign in</html>');
  await fails(download(fresh(), 'reference'), /web page/);
  await fails(download('http://example.org/a.pkl', 'network'), /only https/);
  await fails(download('ftp://example.org/a.pkl', 'network'), /only https/);
});

test('offline, one line says which file to put where', async () => {
  const gone = await FileServer.start(CONTENT);
  const url = gone.url('edm-cifar10-32x32-cond-vp.pkl');
  gone.stop();
  const file = path.join(downloadFolder(), cacheName(url));
  await fails(
    download(url, 'network'),
    new RegExp(`cannot be reached \\(ECONNREFUSED\\): .* put it at ${file}, or give`),
  );
  writeFileSync(file, 'brought by hand');
  assert.equal(await download(url, 'network'), file);
});

test('a hash in the name, as torch.hub has it, is checked', async () => {
  const sha = createHash('sha256').update(CONTENT).digest('hex');
  await download(server.url(`net-${sha.slice(0, 8)}.pth`), 'detector');
  await fails(download(server.url('net-00000000.pth'), 'detector'), /does not have the sha256 in its name/);
});

test('of several that want one file one fetches it; cancelling keeps what came', async () => {
  const url = fresh();
  server.next.push({ delay: 300 });
  const files = await Promise.all([1, 2, 3].map(() => download(url, 'network')));
  assert.equal(new Set(files).size, 1);
  assert.equal(server.requests.length, 1);

  const other = fresh();
  const controller = new AbortController();
  server.next.push({ breakAfter: 900_000 }, { delay: 5000 });
  const cancelled = download(other, 'network', { signal: controller.signal });
  await until(() => server.requests.length === 3, 'the request after the interruption');
  controller.abort();
  await assert.rejects(cancelled, CancelledError);
  server.requests.length = 0;
  assert.deepEqual(readFileSync(await download(other, 'network')), CONTENT);
  assert.ok(Number(/\d+/.exec(server.requests[0].range ?? '')?.[0]) > 0);
});

test('a server is held to what it says, and to what such a file can have', async () => {
  const [network, reference] = [16 * 2 ** 30, 2 * 2 ** 30];
  server.next.push({ size: network + 1 }, { size: reference + 1 }, { size: Number.MAX_SAFE_INTEGER });
  await fails(
    download(fresh(), 'network'),
    /has 17179869185 bytes, and a network has at most 17179869184: check the address/,
  );
  await fails(download(fresh(), 'reference'), /has 2147483649 bytes, and a reference has at most 2147483648/);
  await fails(download(fresh(), 'detector'), /and a detector has at most/);
  server.next.push({ size: null });
  assert.deepEqual(readFileSync(await download(fresh(), 'network')), CONTENT, 'one without a size is taken');

  const part = path.join(home, 'part');
  const store = { read: () => Promise.resolve(null), write: () => Promise.resolve() };
  const limited = (largest: number, stallMs?: number): Promise<string | undefined> =>
    new Transfer(fresh(), 'network', part, store, { largest, stallMs }).run(() => undefined);
  server.next.push({ size: null });
  await assert.rejects(limited(1_000_000), /does not end, and a network has at most 1000000/);
  assert.equal(statSync(part).size, 0, 'nothing of it is kept');
  server.next.push({ drip: 20 });
  await assert.rejects(limited(1e9, 400), /sent nothing, or next to nothing, for 0\.4 s/);
});

test('nothing is unpacked on the way', async () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000));
  for (const encoding of ['gzip', 'br', 'deflate', 'x-strange']) {
    server.content = bomb;
    server.next.push({ encoding });
    await fails(
      download(fresh(), 'network'),
      new RegExp(`is sent compressed \\(${encoding}\\), which was not asked for`),
    );
  }
  assert.ok(server.requests.every(({ encoding }) => encoding === 'identity'));
  server.content = CONTENT;
  server.next.push({ encoding: 'identity' });
  assert.deepEqual(readFileSync(await download(fresh(), 'network')), CONTENT);
});

test('redirects to nowhere, torn notes and names of files from elsewhere', async () => {
  server.next.push({ redirect: 'http://[' }, { redirect: 'https://%' });
  await fails(download(fresh(), 'network'), /only https/);
  await fails(download(fresh(), 'network'), /only https/);
  for (const note of ['{"val', '{"value": 7}', '{"value": "a\\u0000b"}', '[]', 'null', '"x"']) {
    const url = fresh();
    const part = path.join(downloadFolder(), `${createHash('md5').update(url).digest('hex')}.part`);
    writeFileSync(part, 'from before');
    writeFileSync(`${part}.json`, note);
    assert.deepEqual(readFileSync(await download(url, 'network')), CONTENT, note);
  }
  server.next.push({ name: '../../.bashrc' });
  const file = await download(fresh(), 'network');
  assert.equal(path.dirname(file), downloadFolder());
  assert.equal(urlFileName('https://x/a%2f..%5c%1b%00b'), 'a_..___b');
});
