import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isBelow } from '../containment';
import { isCode, messageOf, UserError } from '../errors';
import { pngProblem, readPngHeader } from '../images/png';
import { readRegularFile } from '../regular-file';
import type { SampleDetails, SamplesResult } from '../shared/protocol';
import { reasonOf } from '../system-error';
import { readManifest } from './manifest';

const IMAGE = /\.(png|jpe?g)$/i;

/**
 * The images under a run folder (its `images/`) or any other folder, in seed order where the names are seeds. A run that has
 * begun may have none yet.
 * @throws UserError where the folder is gone or cannot be read, or holds neither a run nor an image
 */
export async function listSamples(folder: string): Promise<SamplesResult> {
  const run = (await readManifest(folder)) ? folder : path.dirname(folder);
  const inner = path.join(folder, 'images');
  const base = (await isFolder(inner)) ? inner : folder;
  // Before the manifest and the names are read: a change in between is newer than this.
  const changed = await lastChange([base, path.join(run, 'run.json'), path.join(run, 'log.txt')]);
  const manifest = await readManifest(run);
  const names = await imageNames(base);
  if (names.length === 0 && !manifest)
    throw new UserError(`There is no PNG or JPEG image in ${base}: run a config or generate samples first`);
  const images = names.map((name) => ({ file: name.split(path.sep).join('/'), seed: seedOf(name) }));
  images.sort((a, b) => (a.seed ?? Infinity) - (b.seed ?? Infinity) || (a.file < b.file ? -1 : 1));
  const title = manifest ? path.basename(run) : path.basename(base);
  const folders = new Set(names.map((name) => path.join(base, path.dirname(name))));
  const follow = [...new Set([folder, inner, base, ...folders, path.join(run, 'run.json')])];
  return { folder: base, title, images, manifest, classNames: manifest?.class_names, changed, follow };
}

/** Names of the images in a folder and the folders in it, relative to it. @throws UserError where it cannot be read */
async function imageNames(base: string): Promise<string[]> {
  try {
    return (await readdir(base, { recursive: true })).filter(
      (name) => IMAGE.test(name) && !path.basename(name).startsWith('.'),
    );
  } catch (error) {
    if (isCode(error, 'ENOENT')) throw new UserError(`${base} is not there any more: it was deleted or moved`);
    throw new UserError(`Cannot read ${base}: ${reasonOf(error, 'read')}`);
  }
}

/** When the latest of these files and folders changed, ISO 8601; those that are missing do not count. */
async function lastChange(files: readonly string[]): Promise<string> {
  const times = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return new Date(Math.max(...times)).toISOString();
}

async function isFolder(name: string): Promise<boolean> {
  return stat(name).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** generate.py names an image by its seed. */
function seedOf(name: string): number | undefined {
  const match = /^(-?\d+)\.png$/i.exec(path.basename(name));
  return match ? Number(match[1]) : undefined;
}

/**
 * What the given images tell of themselves; reads only the start of each file.
 * @param files relative to `folder`; anything outside it is refused
 */
export function sampleDetails(folder: string, files: readonly string[]): Promise<SampleDetails[]> {
  return Promise.all(files.slice(0, 1000).map((file) => detailsOf(folder, file)));
}

async function detailsOf(folder: string, file: string): Promise<SampleDetails> {
  const full = path.resolve(folder, file);
  const seed = seedOf(file);
  const unknown: SampleDetails = { file, width: 0, height: 0, seed };
  if (!isBelow(folder, full)) return { ...unknown, problem: 'outside the folder' };
  if (!/\.png$/i.test(file)) return unknown;
  try {
    const start = await readRegularFile(full, { start: 4096 });
    const facts = factsOf(start, (await stat(full)).size);
    return facts ? { file, seed, ...facts } : { ...unknown, problem: 'not a PNG file' };
  } catch (error) {
    return { ...unknown, problem: messageOf(error) };
  }
}

/**
 * Size, and the seed and class that generation writes before the pixels; undefined if it is not a PNG.
 * @param bytes of the whole file
 */
function factsOf(
  start: Buffer,
  bytes: number,
): { width: number; height: number; seed?: number; class?: number; problem?: string } | undefined {
  const header = readPngHeader(start);
  if (!header) return undefined;
  const problem = pngProblem(header, bytes);
  if (problem) return { width: 0, height: 0, problem };
  const { width, height } = header;
  const text = new Map(Object.entries(header.text).map(([keyword, value]) => [keyword.toLowerCase(), value]));
  const number = (keyword: string): { [keyword: string]: number } =>
    /^-?\d+$/.test(text.get(keyword) ?? '') ? { [keyword]: Number(text.get(keyword)) } : {};
  return { width, height, ...number('seed'), ...number('class') };
}
