import { LSPErrorCodes } from 'vscode-languageclient/node';
import { noticeText } from '../server/shared/plain-text';

/** What went wrong, in one line for a person, whoever wrote parts of it. */
export function errorText(error: unknown): string {
  return noticeText(error instanceof Error ? error.message : String(error), Infinity);
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
