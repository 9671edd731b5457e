import { UserError } from '../errors';

/** True for anything of the form `scheme://…`. */
export function isUrl(name: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(name);
}

/**
 * A URL that may be downloaded: https, or http on this machine.
 * @throws UserError for any other
 */
export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:') return url;
  if (url?.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) return url;
  throw new UserError(`${text}: only https addresses can be downloaded; download the file yourself and give its path`);
}

/** The last part of a URL's path as a name of a file, e.g. `edm-cifar10-32x32-cond-vp.pkl`; the host if the path is empty. */
export function urlFileName(text: string): string {
  const { pathname, hostname } = new URL(text);
  const last = pathname.split('/').pop() || hostname;
  try {
    return decodeURIComponent(last).replace(/[/\\\p{Cc}]/gu, '_');
  } catch {
    return last;
  }
}
