/** ssh2's files over sftp on a channel of another client: ssh2 has them for connections of its own alone, so it gets one here. */
import { Duplex } from 'node:stream';
import { Client, Server, utils, type ServerChannel } from 'ssh2';
import type { ProgramChannel } from '../ssh/client';
import { LOCAL_ALGORITHMS } from '../ssh/local-algorithms';
import type { SftpOver } from './mux-client';

/** One end of a pipe within this process. */
class End extends Duplex {
  private other?: End;
  private askedFor?: () => void;

  static pair(): [End, End] {
    const ends: [End, End] = [new End(), new End()];
    [ends[0].other, ends[1].other] = [ends[1], ends[0]];
    return ends;
  }

  override _read(): void {
    const { askedFor } = this;
    this.askedFor = undefined;
    askedFor?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { other } = this;
    // Later, as on a socket: ssh2 loses what it is told about room while it writes.
    process.nextTick(() => {
      if (!other || other.destroyed || other.push(chunk)) done();
      else other.askedFor = done;
    });
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}

/** The key that one end shows the other; nobody else can be there. */
let key: string | undefined;

export const sftpOver: SftpOver = (channel, done) => {
  const [here, there] = End.pair();
  key ??= utils.generateKeyPairSync('ed25519').private;
  const server = new Server({ hostKeys: [key], algorithms: LOCAL_ALGORITHMS }, (one) => {
    one.on('error', () => undefined);
    one.on('authentication', (context) => context.accept());
    one.on('session', (accept) => {
      accept().on('subsystem', (take) => join(take(), channel));
    });
  });
  // What it needs of a socket is that bytes pass.
  server.injectSocket(there as unknown as Parameters<Server['injectSocket']>[0]);
  const client = new Client();
  const end = (): void => void client.end();
  channel.on('close', end);
  client.on('close', () => channel.close());
  client.on('error', (error) => done(error, undefined as never));
  client.on('ready', () =>
    client.sftp((error, sftp) => {
      if (error) return done(error, undefined as never);
      sftp.on('close', end);
      done(undefined, sftp);
    }),
  );
  client.connect({ sock: here, username: 'sftp', authHandler: ['none'], algorithms: LOCAL_ALGORITHMS, hostVerifier: () => true }); // prettier-ignore
};

function join(inner: ServerChannel, channel: ProgramChannel): void {
  inner.on('error', () => undefined);
  channel.on('error', () => undefined);
  channel.stderr.resume();
  inner.pipe(channel);
  channel.pipe(inner);
  channel.on('close', () => inner.close());
}
