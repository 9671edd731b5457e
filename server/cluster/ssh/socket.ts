/** The byte stream that a login runs over: a TCP connection, a channel of a jump host, or a ProxyCommand. */
import { spawn } from 'node:child_process';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { UserError } from '../../errors';
import { environmentFor } from '../../programs';
import type { SshClient } from './client';
import type { SshSettings } from './configuration';

/**
 * Connects to a host.
 * @param through a jump host that is connected
 * @throws UserError where the host cannot be reached
 */
export async function socketTo(
  settings: SshSettings,
  through: SshClient | undefined,
  log: (line: string) => void,
): Promise<Duplex> {
  if (through) return channelTo(settings, through);
  const { proxyCommand, alias } = settings;
  return proxyCommand === undefined ? connectTo(settings) : commandSocket(proxyCommand, alias, log);
}

function channelTo({ hostName, port }: SshSettings, through: SshClient): Promise<Duplex> {
  return new Promise((resolve, reject) =>
    through.forwardOut('127.0.0.1', 0, hostName, port, (error, channel) =>
      error
        ? reject(new UserError(`The jump host cannot reach ${hostName}:${port}: ${error.message}`, 1))
        : resolve(channel),
    ),
  );
}

function connectTo({ hostName, port, connectTimeout, alias }: SshSettings): Promise<Duplex> {
  const socket = net.connect({ host: hostName, port, noDelay: true });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      socket.destroy();
      reject(new UserError(`Cannot reach ${alias} (${hostName}:${port}): ${why}`, 1));
    };
    const timer = setTimeout(() => fail(`no answer in ${connectTimeout} s`), connectTimeout * 1000);
    socket.once('connect', () => (clearTimeout(timer), socket.removeAllListeners('error'), resolve(socket)));
    socket.once('error', (error) => (clearTimeout(timer), fail(error.message)));
  });
}

/** What a ProxyCommand reads and writes. Like ssh, we hand it to a shell: it is the user's own command line. */
function commandSocket(command: string, alias: string, log: (line: string) => void): Duplex {
  const shell = process.platform === 'win32' ? { shell: true } : { shell: '/bin/sh' };
  const line = process.platform === 'win32' ? command : `exec ${command}`;
  const child = spawn(line, { ...shell, env: environmentFor(), stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
  child.stderr.on('data', (chunk: Buffer) => log(`ProxyCommand of ${alias}: ${chunk.toString().trimEnd()}`));
  const socket = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on('error', (error) => socket.destroy(error));
  socket.on('error', () => undefined); // the login that fails reports it
  socket.on('close', () => child.kill());
  return socket;
}
