/** Tokens: how a submission is known again, whatever became of the connection or of us. */
import { randomBytes } from 'node:crypto';

/** 16 characters, 80 bits: long enough never to meet again, short enough for a comment. */
export function newToken(): string {
  return Array.from(randomBytes(16), (byte) => 'abcdefghijkmnpqrstuvwxyz23456789'[byte & 31]).join('');
}

/** How a token stands in a job's comment or description. */
export function tokenTag(token: string): string {
  return `edm:${token}`;
}

/** The token in a comment, description or submit line. */
export function tokenIn(text: string): string | undefined {
  return /\bedm:([a-z2-9]{16})\b/.exec(text)?.[1];
}
