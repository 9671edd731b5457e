import { noticeText } from '../server/shared/plain-text';

/** What went wrong, in one line for a person, whoever wrote parts of it. */
export function errorText(error: unknown): string {
  return noticeText(error instanceof Error ? error.message : String(error), Infinity);
}

/** RequestCancelled and ServerCancelled of the Language Server Protocol 3.17; its library is loaded with the server only. */
const CANCELLED: readonly unknown[] = [-32800, -32802];

/** True where a request ended because the user cancelled it: there is nothing to tell. */
export function isCancelled(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return CANCELLED.includes(code);
}

/** What the server says of an error beyond its message; undefined where it says nothing. */
export function errorData<Data>(error: unknown): Data | undefined {
  return (error as { data?: Data } | undefined)?.data;
}
