/**
 * An error for the user: one line that says what was attempted, on what, and what to do. Every error that a user can cause
 * is a `UserError`; any other that reaches the top is a defect and shows its stack.
 */
export class UserError extends Error {
  /**
   * @param message one line, no stack, no trailing full stop needed
   * @param exitCode the CLI's exit status: 2 for input that cannot be used (as click does for generate.py), 1 where
   *   fid.py exits with 1
   */
  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 2,
  ) {
    super(message);
    this.name = 'UserError';
  }
}

/** Thrown when the user has cancelled; everything finished before stays on disk. */
export class CancelledError extends Error {
  constructor(message = 'Cancelled') {
    super(message);
    this.name = 'CancelledError';
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** True for an error of the operating system with this code, e.g. `ENOENT`. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
