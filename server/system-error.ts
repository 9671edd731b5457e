/** Errors of the operating system in words: what was attempted, on which file, and what to do. */
import { cachePath } from './cache-folder';
import { messageOf, UserError } from './errors';

/** What an error's code means and what to do; `read` where that is another thing for a file that is read. */
const REASONS: Readonly<Record<string, { write: string; read?: string } | undefined>> = {
  ENOSPC: { write: 'the disk is full: free some space and run again; finished images are kept' },
  EDQUOT: { write: 'your disk quota is used up: free some space and run again; finished images are kept' },
  EFBIG: { write: 'it would become larger than this shell allows (ulimit -f): raise the limit and run again' },
  EACCES: {
    write: 'permission denied: choose a folder that you may write to',
    read: 'permission denied: make it readable for you, or name another file',
  },
  EPERM: {
    write: 'permission denied: choose a folder that you may write to',
    read: 'permission denied: make it readable for you, or name another file',
  },
  EROFS: { write: 'the file system is read-only: choose another folder' },
  ENOENT: {
    write: 'its folder does not exist: make it, or choose another one',
    read: 'it does not exist, or no longer: check the path, and that nothing removes files during the run',
  },
  ENOTDIR: {
    write: 'a part of its path is a file: choose another folder',
    read: 'a part of its path is a file: check the path',
  },
  EISDIR: { write: 'a folder has that name: choose another name', read: 'it is a folder: name a file' },
  EEXIST: { write: 'a file of that name exists: choose another folder' },
  ENAMETOOLONG: { write: 'the path is too long: choose a shorter one' },
  ELOOP: { write: 'the links in its path lead in a circle: correct them' },
  EMFILE: { write: 'too many files are open: raise the limit (ulimit -n) and run again' },
  ENFILE: { write: 'too many files are open on this machine: close other programs and run again' },
  ENOMEM: { write: 'the memory of this machine is used up: close other programs and run again' },
  EBUSY: { write: 'another program uses it: close that and run again' },
  EIO: { write: 'the disk or its file server reports an error: check it, then run again' },
  ESTALE: { write: 'the file server has lost it: run again' },
  EPIPE: { write: 'the program that read the output has ended' },
};

const STILL_HELD = {
  write:
    'permission denied, or another program has held it for ten seconds (a virus scanner, a program that shows it): close that, or choose a folder that you may write to',
};
/** Reasons for a file that could not be renamed: see held-file.ts. */
const HELD: typeof REASONS = { EACCES: STILL_HELD, EPERM: STILL_HELD, EBUSY: STILL_HELD };

/** What was attempted, by the name of the system call; others are named as they are. */
const ATTEMPTS: Readonly<Record<string, string | undefined>> = {
  access: 'read',
  chmod: 'change',
  copyfile: 'copy',
  fdatasync: 'write',
  fsync: 'write',
  ftruncate: 'write',
  link: 'write',
  lstat: 'read',
  mkdir: 'make the folder',
  mkdtemp: 'make the folder',
  open: 'open',
  opendir: 'read the folder',
  read: 'read',
  readlink: 'read',
  realpath: 'read',
  rename: 'rename',
  rm: 'remove',
  rmdir: 'remove',
  scandir: 'read the folder',
  stat: 'read',
  symlink: 'write',
  unlink: 'remove',
  write: 'write',
};
const WRITING = /^(?:write|make|copy|change|rename|remove)/;

interface SystemError extends Error {
  code: string;
  syscall: string;
  path?: string;
}

function isSystemError(error: unknown): error is SystemError {
  if (!(error instanceof Error) || !('code' in error && 'syscall' in error)) return false;
  return typeof error.syscall === 'string' && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code);
}

/** Why something failed and what to do, to follow `Cannot read FILE: `; any other error in its own words. */
export function reasonOf(error: unknown, purpose: 'read' | 'write'): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = isSystemError(error) && error.syscall === 'rename' ? (HELD[code] ?? REASONS[code]) : REASONS[code];
  if (!reason) return messageOf(error).split('\n', 1).join();
  const file = isSystemError(error) ? error.path : undefined;
  const isCache = file?.startsWith(cachePath()) === true;
  const more =
    isCache && purpose === 'write' ? ', or name another one for downloads and imports with XDG_CACHE_HOME' : '';
  return (reason[purpose] ?? reason.write) + more;
}

/**
 * An error of the system that nobody has put into words yet, as one line; any other error unchanged.
 * @param error anything that was thrown
 */
export function asUserError(error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const { syscall, code, path } = error;
  if (syscall.startsWith('spawn')) {
    const program = syscall.slice('spawn '.length) || 'a program';
    return new UserError(
      code === 'ENOENT'
        ? `Cannot start ${program}: it is not on PATH`
        : `Cannot start ${program}: ${reasonOf(error, 'read')}`,
    );
  }
  const attempt = ATTEMPTS[syscall] ?? syscall;
  // A file is opened for either; one that is not there was to be read.
  const isWrite = WRITING.test(attempt) || (attempt === 'open' && /^(?:ENOSPC|EDQUOT|EROFS|EFBIG|EEXIST)$/.test(code));
  const object = path === undefined ? '' : ` ${path}`;
  return new UserError(`Cannot ${attempt}${object}: ${reasonOf(error, isWrite ? 'write' : 'read')}`);
}
