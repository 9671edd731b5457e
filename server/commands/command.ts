/** What a command of the command line is, and how it reads its options. */
import path from 'node:path';
import type { ParseArgsConfig } from 'node:util';
import { UserError } from '../errors';
import type { DeviceChoice } from '../compute/onnx-session';
import type { progressLine } from '../terminal';

export type Values = Record<string, string | boolean | undefined>;

/** One command; its name is its key in the table. */
export interface Command {
  usage: string;
  summary: string;
  options: NonNullable<ParseArgsConfig['options']>;
  /** @returns exit status */
  run(values: Values, positionals: string[], control: Control): Promise<number>;
}
export interface Control {
  report: ReturnType<typeof progressLine>;
  /** Aborted by the first interrupt. */
  signal: AbortSignal;
}

export const text = { type: 'string' } as const;
export const flag = { type: 'boolean' } as const;
const DEVICES = ['auto', 'cpu', 'cuda'] as const;

/** Value of a text option; undefined if it was not given. */
export function string(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** Value of an option that must be given. */
export function required(values: Values, name: string): string {
  const value = string(values, name);
  if (!value) throw new UserError(`Missing option --${name}`);
  return value;
}

/** Value of a number option; `inf` counts. @throws UserError for anything else */
export function number(values: Values, name: string): number | undefined {
  const given = string(values, name);
  if (given === undefined) return undefined;
  const value = given === 'inf' ? Infinity : Number(given);
  if (given.trim() === '' || Number.isNaN(value)) throw new UserError(`--${name} ${given}: must be a number`);
  return value;
}

/** Value of an option that counts something. @throws UserError unless it is a whole number, at least `least` */
export function count(values: Values, name: string, least = 1): number | undefined {
  const value = number(values, name);
  if (value === undefined || (Number.isInteger(value) && value >= least)) return value;
  const bound = Number.isFinite(least) ? `, ${least} or more` : '';
  throw new UserError(`--${name} ${value}: must be a whole number${bound}`);
}

/** Value of an option that allows a few words. @throws UserError for any other */
export function choice<T extends string>(values: Values, name: string, allowed: readonly T[]): T | undefined {
  const given = string(values, name);
  if (given === undefined || allowed.includes(given as T)) return given as T | undefined;
  throw new UserError(`--${name} ${given}: choose one of ${allowed.join(', ')}`);
}

/** `--device`, `auto` unless given. */
export function device(values: Values): DeviceChoice {
  return choice(values, 'device', DEVICES) ?? 'auto';
}

/** The one positional argument. @throws UserError if there are none or more */
export function only(positionals: readonly string[], what: string): string {
  if (positionals.length !== 1) throw new UserError(`Give ${what}, and nothing else`);
  return positionals[0];
}

/** @throws UserError if there are positional arguments */
export function none(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UserError(`Unexpected argument "${positionals[0]}"`);
}

/** Result for programs: JSON on stdout. */
export function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

/** A file as the user would name it: relative to the current folder where it lies below. */
export function relative(file: string): string {
  const short = path.relative(process.cwd(), file);
  return short.startsWith('..') ? file : short || '.';
}
