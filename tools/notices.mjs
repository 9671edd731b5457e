/**
 * `npm run notices`: THIRD-PARTY-NOTICES.txt, whose licences ask to be passed on with every copy. Packages come from the files
 * that esbuild really puts into the bundles, their texts from the installed packages. Part of every VSIX (tools/package.mjs).
 */
import { build } from 'esbuild';
import { createRequire } from 'node:module';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundles } from './bundles.mjs';
import { COMPONENTS, ONNX_RUNTIME, ONNX_RUNTIME_NOTICES } from './native-notices.mjs';

const root = path.resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** The file, relative to the project. */
export const NOTICES = 'THIRD-PARTY-NOTICES.txt';

/** Packages beside the bundles: see `KEPT` in tools/package.mjs. */
const UNBUNDLED = ['node_modules/onnxruntime-node', 'node_modules/onnxruntime-common'];

/** Licences that let us ship a package as it is, as SPDX ids. Another one is looked at by a person first. */
const ACCEPTED = ['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', 'Unlicense'];

/** Packages whose package.json names its licence in the form of 2012. */
const LICENCES_BY_HAND = new Map([['ssh2', 'MIT']]);

/** Packages that come without the text of their licence: the SPDX id and the holder of the copyright, as their repository says. */
const TEXTS_BY_HAND = new Map([
  // Its package.json says ISC, the repository MIT: both are given.
  ['@cornerstonejs/codec-libjpeg-turbo-8bit', ['MIT', 'Copyright (c) 2019 Open Health Imaging Foundation']],
]);

/**
 * What we read of a package.json.
 * @typedef {{ name: string, version: string, license?: string, repository?: string | { url: string }, homepage?: string }} Manifest
 */
/** A package that is shipped. @typedef {{ name: string, version: string, licence: string, source: string, text: string }} Notice */

/**
 * Folders of the packages whose code is in the bundles, relative to the project: nested ones too, as these are other versions.
 * @returns {Promise<string[]>}
 */
export async function bundledPackages() {
  const folders = new Set();
  for (const bundle of bundles) {
    const { metafile } = await build({ ...bundle, metafile: true, write: false });
    for (const input of Object.keys(metafile.inputs)) {
      const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input.replaceAll('\\', '/'));
      if (folder) folders.add(folder[0]);
    }
  }
  return [...folders].sort();
}

/**
 * What one package asks to be passed on.
 * @param {string} folder relative to the project @returns {Notice}
 * @throws {Error} if its licence is not one of `ACCEPTED` or its text is missing
 */
export function noticeOf(folder) {
  const place = path.join(root, folder);
  const { name, version, license, repository, homepage } = /** @type {Manifest} */ (
    JSON.parse(readFileSync(path.join(place, 'package.json'), 'utf8'))
  );
  const licence = license ?? LICENCES_BY_HAND.get(name) ?? 'none';
  if (!ACCEPTED.includes(licence)) throw new Error(`${name} ${version} has the licence ${licence}: may it be shipped?`);
  const files = readdirSync(place).filter((file) => /^(licen[cs]e|copying|notice|third-?party-?notices)\b/i.test(file));
  const texts = files.sort().map((file) => readFileSync(path.join(place, file), 'utf8').trim());
  const [id, holder] = TEXTS_BY_HAND.get(name) ?? [];
  if (id && holder) texts.push(textOf(id, holder));
  const ours = UNBUNDLED.includes(folder) ? [textOf(licence, 'Copyright (c) Microsoft Corporation')] : texts;
  const text = ours.join('\n\n');
  if (!text) throw new Error(`${name} ${version} comes without the text of its licence`);
  const source = (typeof repository === 'string' ? repository : repository?.url) ?? homepage ?? '';
  return { name, version, licence, source: source.replace(/^git\+/, ''), text };
}

/**
 * The standard text of a licence with the holders of the copyright.
 * @param {string} licence SPDX id @param {string} copyright @returns {string}
 */
function textOf(licence, copyright) {
  if (licence.startsWith('LicenseRef-')) return copyright;
  const { licenseText } = /** @type {{ licenseText: string }} */ (
    require(`spdx-license-list/licenses/${licence}.json`)
  );
  return `${copyright}\n\n${licenseText.trim()}`;
}

/** @param {string} title @param {string[]} lines @param {string} text */
const section = (title, lines, text) =>
  ['-'.repeat(80), title, ...lines.filter(Boolean), '', text.replaceAll('\r\n', '\n')].join('\n');

/** Data of others in what we ship. */
const DATA = section(
  'Fashion-MNIST',
  ['In: the embedded network, detector and reference statistics, which were made from its images', 'Licence: MIT'],
  textOf('MIT', 'Copyright (c) 2017 Zalando SE'),
);

const WEBP = section(
  'libwebp',
  ['In: WebAssembly of @jsquash/webp', 'Licence: BSD-3-Clause', 'https://chromium.googlesource.com/webm/libwebp'],
  textOf('BSD-3-Clause', 'Copyright (c) 2010, Google Inc. All rights reserved.'),
);

/** What the WebAssembly beside the bundles is made of. */
const JPEG = section(
  'libjpeg-turbo',
  [
    'In: WebAssembly of @cornerstonejs/codec-libjpeg-turbo-8bit. This software is based in part on the work of the Independent JPEG Group.',
    'Licence: IJG AND BSD-3-Clause AND Zlib',
    'https://github.com/libjpeg-turbo/libjpeg-turbo',
  ],
  ['IJG', 'BSD-3-Clause', 'Zlib']
    .map((id) => textOf(id, 'Copyright (C) 1991-2020 Thomas G. Lane, Guido Vollbeding; (C) 2009-2024 D. R. Commander'))
    .join('\n\n'),
);

/**
 * The whole text.
 * @throws {Error} for a package that may not be shipped so, or an ONNX Runtime that the table does not know
 */
export async function notices() {
  const packages = [...(await bundledPackages()), ...UNBUNDLED].map(noticeOf);
  const runtime = packages.find(({ name }) => name === 'onnxruntime-node');
  if (runtime?.version !== ONNX_RUNTIME) {
    throw new Error(`tools/native-notices.mjs is about ONNX Runtime ${ONNX_RUNTIME}, installed is ${runtime?.version}`);
  }
  const native = COMPONENTS.map(({ name, licence, copyright, source, where }) =>
    section(
      name,
      [`In: ONNX Runtime's binaries${where ? ` (${where})` : ''}`, `Licence: ${licence}`, source],
      copyright,
    ),
  );
  const used = [...new Set(COMPONENTS.map(({ licence }) => licence))]
    .filter((id) => !id.startsWith('LicenseRef-'))
    .sort();
  return [
    'EDM Workbench contains the following works of others. Each is under its own licence.',
    `The notices of everything that ONNX Runtime can be built with: ${ONNX_RUNTIME_NOTICES}`,
    ...packages.map(({ name, version, licence, source, text }) =>
      section(`${name} ${version}`, [`Licence: ${licence}`, source], text),
    ),
    DATA,
    JPEG,
    WEBP,
    ...native,
    ...used.map((licence) => section(`Text of the licence ${licence}`, [], textOf(licence, '').trim())),
    '',
  ].join('\n\n');
}

/** Writes the file. @returns {Promise<void>} */
export async function writeNotices() {
  writeFileSync(path.join(root, NOTICES), await notices());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) void writeNotices();
