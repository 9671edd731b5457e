import { SourceFile } from './source-file';

/** What a file of weights is, by its first bytes. */
export type FileKind = 'onnx' | 'pickle' | 'zip' | 'safetensors';

/** Bytes that decide. */
const START = 9;

const KINDS: readonly { kind: FileKind; matches: (start: Uint8Array) => boolean }[] = [
  // ModelProto begins with its ir_version: field 1, a varint.
  { kind: 'onnx', matches: ([first]) => first === 0x08 },
  // Protocols 2 to 5 begin with PROTO and their number.
  { kind: 'pickle', matches: ([proto, protocol = 0]) => proto === 0x80 && protocol >= 2 && protocol <= 5 },
  // torch.save since torch 1.6.
  { kind: 'zip', matches: ([first, second]) => first === 0x50 && second === 0x4b },
  // A JSON object follows the header's length of 8 bytes.
  { kind: 'safetensors', matches: (start) => start[8] === 0x7b },
];

/**
 * The kind of a file, whatever its name says; undefined for any other.
 * @throws UserError if the file cannot be read
 */
export function fileKind(path: string): FileKind | undefined {
  const file = new SourceFile(path);
  try {
    const start = file.read(0, Math.min(file.size, START));
    return KINDS.find(({ matches }) => matches(start))?.kind;
  } finally {
    file.close();
  }
}
