import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { messageOf, UserError } from '../errors';
import { checkRegular } from '../regular-file';
import type { NetworkFacts } from '../models/network-facts';
import { networkReader } from './network-reader';

/** Networks looked at lately; far more than one workspace has. */
const KEPT = 256;

/** What was found in a file, by its path; also that it is no network, so that typing does not read it again. */
const seen = new Map<string, { identity: string; facts: Promise<NetworkFacts> }>();

/** The number of classes of a network, as {@link factsOf}. */
export async function labelDimOf(file: string, signal?: AbortSignal): Promise<number> {
  return (await factsOf(file, signal)).labelDim;
}

/**
 * What checks need of a network in any form, without importing it. It is read in a process of its own.
 * @param file absolute path
 * @throws UserError for a file that is not a network; NotCheckedError for one that takes too much; CancelledError
 */
export async function factsOf(file: string, signal?: AbortSignal): Promise<NetworkFacts> {
  const identity = identityOf(await statOf(file));
  const before = seen.get(file);
  if (before?.identity === identity) return before.facts;
  const facts = networkReader.read(file, signal);
  seen.delete(file);
  seen.set(file, { identity, facts });
  const [oldest] = seen.keys();
  if (oldest !== undefined && seen.size > KEPT) seen.delete(oldest);
  // What was cancelled is not known.
  facts.catch(() => signal?.aborted && seen.delete(file));
  return facts;
}

async function statOf(file: string): Promise<BigIntStats> {
  const stats = await stat(file, { bigint: true }).catch((error: unknown) => {
    throw new UserError(`Cannot open ${file}: ${messageOf(error)}`);
  });
  checkRegular(stats, file);
  return stats;
}

function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join();
}
