/**
 * Scripts that are not in UTF-8. PowerShell 5 writes UTF-16 (`>`, Out-File): a scheduler and a shell find a zero after every
 * letter, and no `#!`. An editor that knows the encoding shows nothing of it, so that the bytes on the disk count. Pure.
 */

/** What a script can be in besides UTF-8, by its first bytes: with a byte order mark, or `#!` without one. */
const ENCODINGS = [
  { name: 'UTF-16 (little endian)', decoder: 'utf-16le', starts: [[0xff, 0xfe], [0x23, 0x00, 0x21, 0x00]] },
  { name: 'UTF-16 (big endian)', decoder: 'utf-16be', starts: [[0xfe, 0xff], [0x00, 0x23, 0x00, 0x21]] },
] as const; // prettier-ignore

/** Bytes of a file's start that tell its encoding. */
export const ENCODING_BYTES = 4;

/** The identifier of the finding. */
export const WRONG_ENCODING = 'wrong-encoding';

/** Name of a script's encoding and how its bytes are read; undefined for UTF-8, as far as its start tells. */
export function foreignEncoding(start: Uint8Array): { name: string; decode(bytes: Uint8Array): string } | undefined {
  const found = ENCODINGS.find(({ starts }) => starts.some((one) => one.every((byte, at) => start[at] === byte)));
  // The byte order mark is no part of the text.
  return found && { name: found.name, decode: (bytes) => new TextDecoder(found.decoder).decode(bytes) };
}

/** One sentence for a script in such an encoding, and one that says what to do. */
export function encodingProblem(name: string): { message: string; remedy: string } {
  return {
    message: `The script is in ${name}, as PowerShell's > writes it: the scheduler and the shell do not find its first line`,
    remedy: 'Save it with the encoding UTF-8; edm-workbench lint --fix FILE converts it',
  };
}
