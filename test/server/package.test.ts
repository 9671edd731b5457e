/** What a VSIX holds: made for real, and read back. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import yauzl, { type ZipFile } from 'yauzl';
import { COMPONENTS } from '../../tools/native-notices.mjs';
import { bundledPackages, noticeOf } from '../../tools/notices.mjs';

const ROOT = path.join(__dirname, '..', '..');
const openZip = promisify<string, ZipFile>((file, done) =>
  yauzl.open(file, { lazyEntries: true, autoClose: false }, done),
);

let scratch: string;
/** The files of the VSIX by name; contents of texts only. */
const files = new Map<string, string>();

/** Reads the names of all files, and the texts of those that `wanted` names. */
async function readAll(zip: ZipFile, wanted: RegExp): Promise<void> {
  zip.readEntry();
  for (;;) {
    const entry = await new Promise<yauzl.Entry | undefined>((resolve, reject) => {
      zip
        .once('entry', resolve)
        .once('end', () => resolve(undefined))
        .once('error', reject);
    });
    zip.removeAllListeners();
    if (!entry) return;
    let text = '';
    if (wanted.test(entry.fileName)) {
      const stream = await new Promise<Readable>((resolve, reject) => {
        zip.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened)));
      });
      for await (const chunk of stream) text += (chunk as Buffer).toString('utf8');
    }
    files.set(entry.fileName, text);
    zip.readEntry();
  }
}

before(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'edm-package-'));
  const vsix = path.join(scratch, 'edm-workbench.vsix');
  await promisify(execFile)(process.execPath, ['tools/package.mjs', `${process.platform}-${process.arch}`, vsix], {
    cwd: ROOT,
    maxBuffer: 1 << 26,
  });
  const zip = await openZip(vsix);
  await readAll(zip, /\.(txt|md|json)$/);
  zip.close();
});
after(() => rm(scratch, { recursive: true, force: true }));

test('every package whose code is shipped is named with the text of its licence', async () => {
  const notices = files.get('extension/THIRD-PARTY-NOTICES.txt') ?? '';
  const packages = await bundledPackages();
  assert.ok(packages.length > 20, `${packages.length} packages in the bundles`);
  for (const { name, version, licence, text } of packages.map(noticeOf)) {
    assert.ok(notices.includes(`\n${name} ${version}\nLicence: ${licence}\n`), `${name} ${version} is not named`);
    assert.ok(notices.includes(text.replaceAll('\r\n', '\n')), `the licence of ${name} is not there`);
  }
});

test('what ONNX Runtime is made of is named, and every licence that this refers to is there', () => {
  const notices = files.get('extension/THIRD-PARTY-NOTICES.txt') ?? '';
  for (const { name, licence, copyright } of COMPONENTS) {
    assert.ok(notices.includes(`\n${name}\n`) && notices.includes(copyright), name);
    assert.ok(licence.startsWith('LicenseRef-') || notices.includes(`\nText of the licence ${licence}\n`), licence);
  }
  const shipped = [...files.keys()].filter((name) => name.startsWith('extension/node_modules/'));
  const packages = new Set(shipped.map((name) => name.split('/')[2]));
  for (const name of packages)
    assert.match(notices, new RegExp(`\n${name}(/[a-z0-9-]+)? \\d`), `${name} is shipped beside the bundles`);
  assert.ok(packages.has('onnxruntime-node'));
  assert.ok(shipped.some((name) => name.endsWith('/libjpegturbowasm_decode.wasm')));
  assert.match(notices, /\nlibjpeg-turbo\n.*Independent JPEG Group/);
});

test('the package has what a user reads before trusting it, and no sources, tests or maps', () => {
  for (const name of ['readme.md', 'LICENSE.txt', 'SECURITY.md', 'package.json']) {
    assert.ok(files.has(`extension/${name}`), name);
  }
  const ours = [...files.keys()].filter((name) => !name.includes('/node_modules/'));
  assert.deepEqual(
    ours.filter(
      (name) => /\.(ts|map)$|\/(server|client|media|tools)\/(?!model\/)/.test(name) && !name.includes('/dist/'),
    ),
    [],
  );
});
