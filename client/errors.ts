/** What went wrong, in one line for a person. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True where the user cancelled: nothing to say. */
export function isCancelled(error: unknown): boolean {
  // LSPErrorCodes.RequestCancelled and ServerCancelled.
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === -32800 || code === -32802;
}
