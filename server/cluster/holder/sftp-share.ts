/**
 * One sftp channel of a host, shared by all that use a login: hosts allow few channels, and a log that is followed needs its
 * own all the time. Requests get numbers of ours on the way there, and their own again on the way back.
 */
import type { ServerChannel } from 'ssh2';
import { UserError } from '../../errors';
import type { ProgramChannel } from '../ssh/client';
import type { ClusterConnection } from '../ssh/connection';

/** Types of packets of draft-ietf-secsh-filexfer-02. */
const INIT = 1;
const VERSION = 2;
const CLOSE = 4;
const HANDLE = 102;
/** Length, type, number. */
const HEAD = 9;
/** The largest packet, in bytes: OpenSSH takes 256 KiB. */
const LARGEST = 1 << 20;

/** One of those that use the channel. */
interface Member {
  channel: ServerChannel;
  /** What it has open, in hex: closed for it when it goes. */
  handles: Set<string>;
}

/** A request that was not answered yet; without a member where that has gone. */
interface Request {
  member?: Member;
  number: number;
}

/** Cuts a stream of bytes into packets. @param onPacket gets each with its length */
function packetsOf(onPacket: (packet: Buffer) => void, onBroken: () => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const size = 4 + rest.readUInt32BE(0);
      if (size > LARGEST || size < HEAD) return onBroken();
      if (rest.length < size) return;
      onPacket(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
  };
}

/** The channel to the host. */
class Shared {
  private readonly members = new Set<Member>();
  private readonly requests = new Map<number, Request>();
  private number = 0;

  constructor(
    private readonly channel: ProgramChannel,
    /** The host's first packet, which every member gets. */
    private readonly version: Buffer,
  ) {
    channel.on('drain', () => this.members.forEach((member) => member.channel.resume()));
    channel.on('close', () => this.members.forEach((member) => member.channel.end()));
  }

  /** Whether no request is under way, and nobody has a file open. */
  get isIdle(): boolean {
    return this.requests.size === 0 && [...this.members].every(({ handles }) => handles.size === 0);
  }

  whenClosed(tell: () => void): void {
    this.channel.on('close', tell);
  }

  answer(packet: Buffer): void {
    const number = packet.readUInt32BE(5);
    const request = this.requests.get(number);
    if (!request) return;
    this.requests.delete(number);
    const { member } = request;
    if (packet[4] === HANDLE) {
      const handle = packet.subarray(HEAD + 4).toString('hex');
      if (!member) return this.closeHandle(handle);
      member.handles.add(handle);
    }
    if (!member?.channel.writable) return;
    packet.writeUInt32BE(request.number, 5);
    member.channel.write(packet);
  }

  join(channel: ServerChannel): void {
    const member: Member = { channel, handles: new Set() };
    this.members.add(member);
    const receive = packetsOf(
      (packet) => this.ask(member, packet),
      () => channel.close(),
    );
    channel.on('data', receive);
    channel.on('error', () => undefined);
    channel.on('close', () => this.leave(member));
  }

  private ask(member: Member, packet: Buffer): void {
    if (packet[4] === INIT) return void member.channel.write(this.version);
    if (packet[4] === CLOSE) member.handles.delete(packet.subarray(HEAD + 4).toString('hex'));
    this.send(packet, { member, number: packet.readUInt32BE(5) });
    if (this.channel.writableNeedDrain) member.channel.pause();
  }

  private send(packet: Buffer, request: Request): void {
    if (!this.channel.writable) return;
    do this.number = (this.number + 1) >>> 0;
    while (this.requests.has(this.number));
    this.requests.set(this.number, request);
    packet.writeUInt32BE(this.number, 5);
    this.channel.write(packet);
  }

  leave(member: Member): void {
    if (!this.members.delete(member)) return;
    for (const request of this.requests.values()) if (request.member === member) request.member = undefined;
    for (const handle of member.handles) this.closeHandle(handle);
  }

  private closeHandle(hex: string): void {
    const handle = Buffer.from(hex, 'hex');
    const packet = Buffer.alloc(HEAD + 4 + handle.length);
    packet.writeUInt32BE(packet.length - 4, 0);
    packet[4] = CLOSE;
    packet.writeUInt32BE(handle.length, HEAD);
    handle.copy(packet, HEAD + 4);
    this.send(packet, { number: 0 });
  }
}

export class SftpShare {
  private opening?: Promise<Shared>;

  constructor(private readonly connection: ClusterConnection) {}

  /**
   * Lets one more take part.
   * @param accept makes its channel once the host's is there
   * @throws ConnectionLostError; UserError where the host offers no sftp
   */
  async join(accept: () => ServerChannel | undefined): Promise<void> {
    if (!this.opening) {
      const opening = this.open();
      // It may end alone. The next one opens another.
      const forget = (): void => {
        if (this.opening === opening) this.opening = undefined;
      };
      opening.then((shared) => shared.whenClosed(forget), forget);
      this.opening = opening;
    }
    const shared = await this.opening;
    const channel = accept();
    if (channel) shared.join(channel);
  }

  private async open(): Promise<Shared> {
    let shared: Shared | undefined;
    const channel = await this.connection.sftpBytes(() => shared?.isIdle ?? false);
    channel.on('error', () => undefined);
    return new Promise((resolve, reject) => {
      const broken = new UserError(
        `${this.connection.destination} offers no sftp: its answer is not of that protocol`,
        1,
      );
      const receive = packetsOf(
        (packet) => {
          if (shared) return shared.answer(packet);
          if (packet[4] !== VERSION) return reject(broken);
          shared = new Shared(channel, Buffer.from(packet));
          resolve(shared);
        },
        () => {
          reject(broken);
          channel.close();
        },
      );
      channel.on('data', receive);
      channel.on('close', () => reject(this.connection.lostError()));
      channel.write(Buffer.from([0, 0, 0, 5, INIT, 0, 0, 0, 3]));
    });
  }
}
