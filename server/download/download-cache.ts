/** Files that were fetched before, by the workbench or by EDM itself. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cachePath } from '../cache-folder';

/** Where the workbench keeps what it fetches. */
export function downloadFolder(): string {
  return cachePath('downloads');
}

/** Where EDM's `dnnlib.util.open_url` keeps what it fetches. */
function dnnlibFolder(): string {
  const { DNNLIB_CACHE_DIR, HOME, USERPROFILE } = process.env;
  return path.join(DNNLIB_CACHE_DIR ?? path.join(HOME ?? USERPROFILE ?? os.tmpdir(), '.cache', 'dnnlib'), 'downloads');
}

/** What the names of a URL's file begin with, in both caches: the md5 of the URL. */
export function cacheKey(url: string): string {
  return createHash('md5').update(url).digest('hex');
}

/**
 * Name of a URL's file in the cache, as dnnlib makes it.
 * @param name what the server calls the file; the URL where it says nothing
 */
export function cacheName(url: string, name = url): string {
  return `${cacheKey(url)}_${name.replace(/[^0-9a-zA-Z\-._]/g, '_').slice(0, 128)}`;
}

/** Absolute path of a URL's file where one cache has it; as for dnnlib, several files for one URL count as none. */
export function cachedDownload(url: string): string | undefined {
  const prefix = `${cacheKey(url)}_`;
  for (const folder of [downloadFolder(), dnnlibFolder()]) {
    const found = namesIn(folder).filter((name) => name.startsWith(prefix));
    if (found.length === 1) return path.join(folder, found[0]);
  }
  return undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // A cache that is not there, or closed to us, holds nothing for us.
  }
}
