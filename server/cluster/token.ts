/** Tokens identify a submission, whatever happens to the connection or to this program. */
import { randomBytes } from 'node:crypto';

/** 16 characters, 80 bits: long enough to be unique, short enough for a comment. */
export function newToken(): string {
  return Array.from(randomBytes(16), (byte) => 'abcdefghijkmnpqrstuvwxyz23456789'[byte & 31]).join('');
}

/** A token as written in a job's comment or description. */
export function tokenTag(token: string): string {
  return `edm:${token}`;
}

/** The token in a comment, description or submit line. */
export function tokenIn(text: string): string | undefined {
  return /\bedm:([a-z2-9]{16})\b/.exec(text)?.[1];
}
