import {
  LSPErrorCodes,
  ResponseError,
  type CancellationToken,
  type Connection,
  type RequestType,
} from 'vscode-languageserver/node';
import { CancelledError, messageOf, UserError } from '../errors';
import { asUserError } from '../system-error';
import { plainLine, plainText, plainValue } from '../shared/plain-text';
import type { TaskControl } from '../shared/progress';
import { runProgress, type WithProgress } from '../shared/protocol';

/** Our own requests on a connection. Cancellation, progress and errors are mapped here and nowhere else. */
export class Requests {
  constructor(private readonly connection: Connection) {}

  /**
   * Answers a request. The client's cancellation becomes an abort signal; progress goes back under the token that the
   * request names, if any; an error becomes one line.
   * @param dataOf what the client is told about an error besides its message; undefined for most
   */
  on<P, R, E = void>(
    type: RequestType<P, R, E>,
    work: (params: P, control: Required<TaskControl>) => R | Promise<R>,
    dataOf?: (error: unknown) => E | undefined,
  ): void {
    this.connection.onRequest(type.method, async (params: P, token: CancellationToken) => {
      const controller = new AbortController();
      const listener = token.onCancellationRequested(() => controller.abort());
      const { progressToken } = (params ?? {}) as WithProgress;
      const onProgress: Required<TaskControl>['onProgress'] = (progress) => {
        if (progressToken) void this.connection.sendProgress(runProgress, progressToken, plainValue(progress));
      };
      try {
        return await work(params, { onProgress, signal: controller.signal });
      } catch (error) {
        return this.responseError(error, dataOf?.(error));
      } finally {
        listener.dispose();
      }
    });
  }

  private responseError<E>(thrown: unknown, data: E | undefined): ResponseError<E> {
    const error = asUserError(thrown);
    if (error instanceof CancelledError) return new ResponseError(LSPErrorCodes.RequestCancelled, 'Cancelled', data);
    // Anything but a UserError is a defect: the log keeps where it happened.
    if (!(error instanceof UserError))
      this.connection.console.error(plainText(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    return new ResponseError(LSPErrorCodes.RequestFailed, plainLine(messageOf(error)), data);
  }
}
