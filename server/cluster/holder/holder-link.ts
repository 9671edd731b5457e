/** The way to a holder: a local ssh connection on which both sides have shown that they are the same user's. */
import net from 'node:net';
import { Client, type ClientChannel } from 'ssh2';
import { messageOf, UserError } from '../../errors';
import { CONTROL, readMessages, writeMessage, type FromHolder, type ToHolder } from './holder-messages';
import { holderFacts, isOwn, makeProof, NotOurOwnError, type HolderFacts, type HolderPlace } from './holder-place';
import { LOCAL_ALGORITHMS } from '../ssh/local-algorithms';

/** Seconds for which a holder may take to let us in, on a machine that is busy. */
const PATIENCE = 20;
/** Seconds between two signs of life, and how many may be missing: a holder that was stopped is given up after a minute. */
const ALIVE = { interval: 15, most: 4 };

export interface HolderLink {
  client: Client;
  facts: HolderFacts;
  send(message: ToHolder): void;
}

/**
 * Calls the holder of a place.
 * @param onMessage gets what it says
 * @returns undefined where nobody is there
 * @throws NotOurOwnError where somebody else's socket is there, or what answers is not the holder; UserError where it does not answer
 */
export async function callHolder(
  place: HolderPlace,
  onMessage: (message: FromHolder) => void,
): Promise<HolderLink | undefined> {
  const facts = await holderFacts(place);
  const socket = facts && (await connectTo(place));
  if (!facts || !socket) return undefined;
  const client = new Client();
  client.setMaxListeners(0); // every program and request under way listens for its end
  try {
    await logInto(client, socket, facts, await makeProof(place));
    const control = await new Promise<ClientChannel>((resolve, reject) =>
      client.subsys(CONTROL, (error, channel) => (error ? reject(error) : resolve(channel))),
    );
    control.on('error', () => undefined);
    readMessages<FromHolder>(control, onMessage);
    return { client, facts, send: (message) => writeMessage(control, message) };
  } catch (error) {
    client.destroy();
    socket.destroy();
    if (error instanceof UserError) throw error;
    throw new UserError(`What keeps the login (process ${facts.pid}) does not answer: ${messageOf(error)}`, 1);
  }
}

async function connectTo({ socket: file }: HolderPlace): Promise<net.Socket | undefined> {
  const socket = net.connect(file);
  const isThere = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  if (!isThere) return undefined;
  socket.on('error', () => undefined); // the client that uses it tells
  try {
    if (process.platform === 'win32' || (await isOwn(file, (stats) => stats.isSocket()))) return socket;
    socket.destroy();
    return undefined;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function logInto(client: Client, sock: net.Socket, { key, pid }: HolderFacts, proof: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('ready', () => {
      client.on('error', () => undefined); // its end follows
      client.setMaxListeners(0); // every program and request under way listens for its end
      resolve();
    });
    client.once('error', reject);
    client.once('close', () => reject(new Error('it closed the connection')));
    client.connect({
      sock,
      username: proof,
      authHandler: ['none'],
      algorithms: LOCAL_ALGORITHMS,
      readyTimeout: PATIENCE * 1000,
      keepaliveInterval: ALIVE.interval * 1000,
      keepaliveCountMax: ALIVE.most,
      hostVerifier: (shown: Buffer) => {
        if (shown.toString('base64') === key) return true;
        reject(new NotOurOwnError(`What answers in place of process ${pid} does not show the key of our login`));
        return false;
      },
    });
  });
}
