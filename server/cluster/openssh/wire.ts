/**
 * Bytes on the socket of an OpenSSH ControlMaster: first the words of PROTOCOL.mux (OpenSSH's own description, since 7.4 with
 * the request `proxy`), then, after that request, messages of the connection protocol (RFC 4254) without encryption. Pure.
 */

/** Words of PROTOCOL.mux, version 4. */
export const MUX = {
  HELLO: 0x00000001,
  C_ALIVE_CHECK: 0x10000004,
  C_PROXY: 0x1000000f,
  S_PERMISSION_DENIED: 0x80000002,
  S_FAILURE: 0x80000003,
  S_ALIVE: 0x80000005,
  S_PROXY: 0x8000000f,
} as const;
export const MUX_VERSION = 4;

/** Messages of RFC 4254 that channels are made of. */
export const MESSAGE = {
  OPEN: 90,
  OPEN_CONFIRMATION: 91,
  OPEN_FAILURE: 92,
  WINDOW_ADJUST: 93,
  DATA: 94,
  EXTENDED_DATA: 95,
  EOF: 96,
  CLOSE: 97,
  REQUEST: 98,
  SUCCESS: 99,
  FAILURE: 100,
} as const;

/** A part of a message: a number of 32 bits, a boolean, or a string with its length before it. */
type Part = number | boolean | string | Buffer;

/** The parts one after the other (RFC 4251, section 5). */
export function encode(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'boolean') return Buffer.from([part ? 1 : 0]);
      if (typeof part === 'number') return uint32(part);
      const bytes = typeof part === 'string' ? Buffer.from(part) : part;
      return Buffer.concat([uint32(bytes.length), bytes]);
    }),
  );
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Reads parts off a message. @throws RangeError where it is shorter than it says */
export class Reader {
  constructor(
    private readonly bytes: Buffer,
    private at = 0,
  ) {}

  number(): number {
    const value = this.bytes.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  bool(): boolean {
    return this.bytes.readUInt8(this.at++) !== 0;
  }

  string(): Buffer {
    const length = this.number();
    if (this.at + length > this.bytes.length) throw new RangeError('a string is longer than its message');
    const value = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return value;
  }

  text(): string {
    return this.string().toString();
  }
}

/** The longest message that is read, in bytes: OpenSSH sends packets of 256 KiB at most. */
const LONGEST = 1 << 20;

/** Cuts a stream of bytes into messages, each with its length before it. @param onBroken called where it is no such stream */
export function messagesOf(onMessage: (message: Buffer) => void, onBroken: () => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let isBroken = false;
  return (chunk) => {
    if (isBroken) return;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 4) {
      const size = rest.readUInt32BE(at);
      if (size > LONGEST) {
        isBroken = true;
        return onBroken();
      }
      if (rest.length - at < 4 + size) break;
      onMessage(rest.subarray(at + 4, at + 4 + size));
      at += 4 + size;
    }
    rest = rest.subarray(at);
  };
}
