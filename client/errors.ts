import { LSPErrorCodes } from 'vscode-languageclient/node';

/** What went wrong, in one line for a person. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True where a request ended because the user cancelled it: there is nothing to tell. */
export function isCancelled(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === LSPErrorCodes.RequestCancelled || code === LSPErrorCodes.ServerCancelled;
}

/** What the server says of an error beyond its message; undefined where it says nothing. */
export function errorData<Data>(error: unknown): Data | undefined {
  return (error as { data?: Data } | undefined)?.data;
}
