/** What git refuses, in its own words, with the cure: a repository that is there must not be answered with "run git init". */
import { UserError } from './errors';
import type { GitError } from './git-process';

/** Kinds of refusals by git's words (in the C locale); the first that fits counts. */
const REFUSALS: readonly { words: RegExp; cure: (found: RegExpExecArray, folder: string) => string }[] = [
  {
    // Of another user: as root in a container, on /mnt/c, on a share.
    words: /^fatal: (detected dubious ownership in repository at '(.*)')$/m,
    cure: ([, said, place], folder) =>
      `git does not read the repository of ${folder}: ${said}. It belongs to another user; if you trust it, run "git config --global --add safe.directory ${place}"`,
  },
  {
    words: /^(?:fatal: )?(unsafe repository \('(.*)' is owned by someone else\))$/m,
    cure: ([, said, place], folder) =>
      `git does not read the repository of ${folder}: ${said}. If you trust it, run "git config --global --add safe.directory ${place}"`,
  },
  {
    // The git of macOS is a place holder until the tools are installed.
    words: /^(xcrun: error: .*|xcode-select: (?:note|error): .*)$/m,
    cure: ([, said]) => `git of macOS does not run: ${said}. Run "xcode-select --install", then try again`,
  },
  {
    words: /^((?:You have not agreed to|Agreeing to) the Xcode.*)$/m,
    cure: ([, said]) => `git of macOS does not run: ${said} Run "sudo xcodebuild -license", then try again`,
  },
  {
    words: /^fatal: not a git repository/m,
    cure: (_, folder) =>
      `${folder} is not in a git repository, and results are tied to commits: run "git init" there, commit the config and run again`,
  },
];

/** An answer of git as an error for the user; what is not known is passed on in git's words. */
export function refusalOf(folder: string, error: GitError): UserError {
  for (const { words, cure } of REFUSALS) {
    const found = words.exec(error.stderr);
    if (found) return new UserError(cure(found, folder));
  }
  return error;
}

/** Whether git says that a repository has no commit yet. */
export function hasNoCommit({ stderr }: GitError): boolean {
  return /^fatal: (?:ambiguous argument 'HEAD'|bad revision 'HEAD'|your current branch .* does not have any commits yet)/m.test(
    stderr,
  );
}
