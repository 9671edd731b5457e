/** A file server that behaves as told: a real one, on this machine, whose connections break. */
import { statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { cacheKey, downloadFolder } from '../../server/download/download-cache';
import { until } from '../until';

/** How one request is answered; the default is a correct answer. */
export interface Behaviour {
  /** Break the connection after this many bytes of the body, some of which were kept: the client loses what is on its way. */
  breakAfter?: number;
  /** Ignore Range, and say nothing of ETag. */
  noRange?: boolean;
  /** Claim this many bytes more than are sent. */
  lie?: number;
  status?: number;
  redirect?: string;
  type?: string;
  /** `Content-Disposition`'s file name. */
  name?: string;
  /** State this encoding; the bytes are as they are. */
  encoding?: string;
  /** State this size and send nothing; null: state none, and send the content in chunks. */
  size?: number | null;
  /** Send one byte, then one every so many milliseconds, for ever. */
  drip?: number;
  /** Milliseconds before the answer. */
  delay?: number;
}

/** Tells what the client has of a file from what it had before; empty for nothing. */
function keptOf(url: string): string {
  const part = statSync(path.join(downloadFolder(), `${cacheKey(url)}.part`), { throwIfNoEntry: false });
  return part?.size ? `${part.size} bytes of ${part.mtimeMs}` : '';
}

export class FileServer {
  readonly requests: { path: string; range?: string; encoding?: string | string[] }[] = [];
  /** Behaviours of the next requests, one each; when used up, all is well. */
  readonly next: Behaviour[] = [];
  etag = '"one"';

  private constructor(
    private readonly server: Server,
    public content: Buffer,
  ) {}

  static async start(content: Buffer): Promise<FileServer> {
    const server = createServer();
    const files = new FileServer(server, content);
    server.on('request', (request, response) => void files.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return files;
  }

  url(name: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${name}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer({ url, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { range } = headers;
    this.requests.push({ path: url ?? '', range, encoding: headers['accept-encoding'] });
    const behaviour = this.next.shift() ?? {};
    const { breakAfter, noRange, lie = 0, status, redirect, type = 'application/octet-stream', name } = behaviour;
    if (behaviour.delay) await new Promise((resolve) => setTimeout(resolve, behaviour.delay).unref());
    if (redirect !== undefined) return void response.writeHead(302, { location: redirect }).end();
    if (status !== undefined) return void response.writeHead(status, { 'content-type': type }).end('no');
    if (behaviour.drip !== undefined) {
      response.writeHead(200, { 'content-type': type, 'content-length': this.content.length });
      const timer = setInterval(() => response.write('x'), behaviour.drip);
      response.on('close', () => clearInterval(timer));
      return;
    }
    if (behaviour.size === null) {
      response.writeHead(200, { 'content-type': type });
      return void response.end(this.content);
    }
    if (behaviour.size !== undefined) {
      response.writeHead(200, { 'content-type': type, 'content-length': behaviour.size });
      return response.flushHeaders();
    }
    if (behaviour.encoding !== undefined) {
      response.writeHead(200, { 'content-type': type, 'content-encoding': behaviour.encoding });
      return void response.end(this.content);
    }
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const resumed = from > 0 && !noRange && headers['if-range'] === this.etag;
    const body = resumed ? this.content.subarray(from) : this.content;
    response.writeHead(resumed ? 206 : 200, {
      'content-type': type,
      'content-length': body.length + lie,
      ...(noRange ? {} : { etag: this.etag }),
      ...(resumed ? { 'content-range': `bytes ${from}-${this.content.length - 1}/${this.content.length}` } : {}),
      ...(name ? { 'content-disposition': `attachment; filename="${name}"` } : {}),
    });
    if (breakAfter === undefined && lie === 0) return void response.end(body);
    const kept = (): string => keptOf(this.url(url?.slice(1) ?? ''));
    const before = kept();
    response.write(body.subarray(0, breakAfter));
    await until(() => !['', before].includes(kept()), 'the client to keep some of it');
    response.destroy();
  }
}
