/**
 * The holder of a login: it has the authenticated connection to one host, and passes on programs and files of all that use
 * it. It is an ssh server on a socket of this user, so that a caller works as if it were connected to the host itself.
 */
import { rm } from 'node:fs/promises';
import { statSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, utils, type Connection } from 'ssh2';
import { writeAtomically } from '../../atomic-file';
import { Claim } from '../../claim';
import type { ConfigurationFiles } from '../ssh/configuration';
import { ClusterConnection, type ConnectionOptions } from '../ssh/connection';
import { Pace } from '../ssh/pace';
import { logInBy, type Transport } from '../transport';
import { Caller, type HolderServices } from './caller';
import { failureOf, type ToHolder } from './holder-messages';
import { programVersion, takeProof, type HolderFacts, type HolderPlace } from './holder-place';
import { SftpShare } from './sftp-share';
import { LOCAL_ALGORITHMS } from '../ssh/local-algorithms';

/** What a holder is started with. */
export interface HolderStart {
  place: HolderPlace;
  destination: string;
  /** As questions name it. */
  cluster: string;
  files: ConfigurationFiles;
  transport: Transport;
}

/** Milliseconds for which a holder that holds nothing waits for somebody to log in. */
const LINGER = 10_000;
/** Milliseconds between two looks whether the login is still used. */
const LOOK_EVERY = 1000;
/** Milliseconds for which a start waits for another one. */
const PATIENCE = 10_000;

export class Holder implements HolderServices {
  readonly connection: ClusterConnection;
  readonly sftp: SftpShare;
  private readonly callers = new Set<Caller>();
  private readonly options: ConnectionOptions;
  private readonly server: net.Server;
  /** Who is asked what the login under way needs. */
  private opener?: Caller;
  /** The last of those that want to log in: one after the other. */
  private turn: Promise<void> = Promise.resolve();
  /** What was logged while logging in: whoever comes later is told too. */
  private notes: string[] = [];
  private wasConnected = false;
  private lastUse = Date.now();
  /** Milliseconds for which the login is kept unused. */
  private idle = 0;
  private inode = 0;

  private constructor(
    private readonly start: HolderStart,
    hostKey: string,
    private readonly onEnd: () => void,
  ) {
    const { destination, cluster, files, place, transport } = start;
    const log = (line: string): void => this.log(line);
    const pace = new Pace(place.pace, (line) => this.opener?.send({ kind: 'tell', line }));
    this.options = { cluster, unlocked: new Map(), log, files: { ...files }, pace, logIn: logInBy(transport) };
    this.connection = new ClusterConnection(destination, this.options, () => this.stateChanged());
    this.sftp = new SftpShare(this.connection);
    const ssh = new Server({ hostKeys: [hostKey], algorithms: LOCAL_ALGORITHMS }, (client) => this.admit(client));
    this.server = net.createServer((socket) => ssh.injectSocket(socket));
  }

  /**
   * Starts the holder of a place, where callers find it from now on.
   * @param onEnd called when it has ended, for whatever reason
   * @returns undefined where there is one already
   */
  static async begin(start: HolderStart, onEnd: () => void): Promise<Holder | undefined> {
    const { place, destination } = start;
    const pair = utils.generateKeyPairSync('ed25519');
    const key = pair.public.split(' ')[1] ?? '';
    const facts: HolderFacts = { pid: process.pid, version: programVersion(), destination, key };
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      // One at a time, from the look whether somebody listens until we do.
      const claim = await Claim.take(place.folder, place.id);
      try {
        if (await isListening(place.socket)) return undefined;
        if (claim) {
          const holder = new Holder(start, pair.private, onEnd);
          await writeAtomically(place.facts, Buffer.from(JSON.stringify(facts)), 0o600);
          await holder.listen();
          return holder;
        }
      } finally {
        await claim?.release();
      }
      if (Date.now() > deadline) throw new Error('another holder is starting and does not get ready');
      await sleep(50);
    }
  }

  private async listen(): Promise<void> {
    const { socket } = this.start.place;
    // What is left of one that was killed.
    if (process.platform !== 'win32') await rm(socket, { force: true });
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(socket, resolve));
    } finally {
      process.umask(before);
    }
    this.inode = inodeOf(socket);
    setInterval(() => this.look(), LOOK_EVERY);
  }

  /* ---- Those that use it ---- */

  private admit(client: Connection): void {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      if (context.method !== 'none') return context.reject(['none']);
      void takeProof(this.start.place, context.username).then((isOwn) => (isOwn ? context.accept() : client.end()));
    });
    client.once('ready', () => {
      this.callers.add(new Caller(client, this));
      this.used();
    });
  }

  left(caller: Caller): void {
    this.callers.delete(caller);
    this.used();
  }

  readonly used = (): void => {
    this.lastUse = Date.now();
  };

  open(caller: Caller, request: Extract<ToHolder, { kind: 'open' }>): Promise<void> {
    this.turn = this.turn.then(() => this.openFor(caller, request));
    return this.turn;
  }

  private async openFor(
    caller: Caller,
    { mayPrompt, agent, idle }: Extract<ToHolder, { kind: 'open' }>,
  ): Promise<void> {
    if (caller.isGone) return;
    const { connection, options } = this;
    this.idle = Math.max(this.idle, idle * 1000);
    // Agents come and go with the sessions of their terminals: the one that asks now has a living one.
    if (options.files) options.files.environment = { ...process.env, SSH_AUTH_SOCK: agent };
    if (connection.state.connection === 'connected') for (const line of this.notes) caller.send({ kind: 'log', line });
    else this.notes = [];
    this.opener = caller;
    options.prompter = caller;
    try {
      await connection.connect(mayPrompt, true);
      const { wasAsked: asked, by } = connection;
      caller.send({ kind: 'opened', asked, until: this.until, ...(by !== undefined && { by }) });
    } catch (error) {
      caller.send({ kind: 'failed', failure: failureOf(error) });
    } finally {
      this.opener = options.prompter = undefined;
      this.used();
    }
  }

  /** When it ends if nobody uses it any more. */
  private get until(): number {
    return Date.now() + this.idle;
  }

  private log(line: string): void {
    if (this.opener) {
      this.notes.push(line);
      return this.opener.send({ kind: 'log', line });
    }
    for (const caller of this.callers) caller.send({ kind: 'log', line });
  }

  /** Callers learn of a lost connection by losing theirs, and decide as they would without us what to do. */
  private stateChanged(): void {
    const isConnected = this.connection.state.connection === 'connected';
    if (this.wasConnected && !isConnected) for (const caller of this.callers) caller.dismiss();
    this.wasConnected = isConnected;
  }

  /* ---- Its end ---- */

  private look(): void {
    if (this.callers.size > 0) return;
    const unused = Date.now() - this.lastUse;
    const isHolding =
      this.connection.state.connection !== 'disconnected' && this.connection.state.connection !== 'lost';
    // A folder that was removed, or another holder in our place: nobody will come any more.
    const isLost = inodeOf(this.start.place.socket) !== this.inode;
    if (unused >= (isHolding ? this.idle : LINGER) || isLost) this.end();
  }

  readonly end = (): void => {
    for (const caller of this.callers) {
      caller.send({ kind: 'ended' });
      caller.dismiss();
    }
    this.wasConnected = false;
    this.connection.close();
    void this.leave().finally(this.onEnd);
  };

  /** Takes socket and facts away, unless they are another one's by now. */
  private async leave(): Promise<void> {
    const { socket, facts } = this.start.place;
    // Closing removes whatever has the socket's name.
    if (inodeOf(socket) !== this.inode) return;
    this.server.close();
    await rm(facts, { force: true });
    if (process.platform !== 'win32') await rm(socket, { force: true });
  }
}

/** Tells a socket from another one of the same name; the same for all on Windows, where names are not reused while in use. */
function inodeOf(socket: string): number {
  if (process.platform === 'win32') return 1;
  return statSync(socket, { throwIfNoEntry: false })?.ino ?? 0;
}

/** Whether anybody accepts connections there. */
function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
