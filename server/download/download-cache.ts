/** Files that the workbench or EDM itself has downloaded before. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cachePath } from '../cache-folder';

/** The workbench's folder for downloads. */
export function downloadFolder(): string {
  return cachePath('downloads');
}

/** The folder for downloads of EDM's `dnnlib.util.open_url`. */
function dnnlibFolder(): string {
  const { DNNLIB_CACHE_DIR, HOME, USERPROFILE } = process.env;
  return path.join(DNNLIB_CACHE_DIR ?? path.join(HOME ?? USERPROFILE ?? os.tmpdir(), '.cache', 'dnnlib'), 'downloads');
}

/** Start of the name of a URL's file in both caches: the md5 of the URL. */
export function cacheKey(url: string): string {
  return createHash('md5').update(url).digest('hex');
}

/**
 * Name of a URL's file in the cache, the same as dnnlib's.
 * @param name the server's name for the file; the URL if it states none
 */
export function cacheName(url: string, name = url): string {
  return `${cacheKey(url)}_${name.replace(/[^0-9a-zA-Z\-._]/g, '_').slice(0, 128)}`;
}

/** Absolute path of a URL's file if a cache has it; as in dnnlib, several files for one URL count as none. */
export function cachedDownload(url: string): string | undefined {
  const prefix = `${cacheKey(url)}_`;
  for (const folder of [downloadFolder(), dnnlibFolder()]) {
    const [found, ...others] = namesIn(folder).filter((name) => name.startsWith(prefix));
    if (found !== undefined && others.length === 0) return path.join(folder, found);
  }
  return undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // A cache that does not exist, or cannot be read, has no file for us.
  }
}
