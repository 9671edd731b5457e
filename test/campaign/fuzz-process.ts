/** A process that gives one reader many damaged files, and says after each what came of it: fuzz.ts ends it where it hangs. */
import { rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UserError } from '../../server/errors';
import { FILE_GENERATORS } from './generators-files';
import { chanceOf } from './random';
import { TEXTS } from './texts';

/** What this process is to do, as its only message. */
export interface Work {
  reader: string;
  seed: number;
  /** First and last try. */
  from: number;
  to: number;
}
/** What it says: the try that begins, or what came of one that went wrong. */
export type Word = { begins: number } | { failed: number; why: string } | { done: true };

/** CPU time that one file may take, in seconds. */
const CPU_SECONDS = 2;

const say = (word: Word): void => void process.send?.(word);

async function work({ reader: name, seed, from, to }: Work): Promise<void> {
  const reader = [...TEXTS, ...FILE_GENERATORS].find((one) => one.name === name);
  if (!reader) throw new Error(`no reader ${name}`);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'edm-campaign-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (let index = from; index <= to; index++) {
    say({ begins: index });
    const file = path.join(folder, `input-${index}${reader.suffix ?? ''}`);
    writeFileSync(file, reader.make(chanceOf(seed, name, index)));
    const start = process.cpuUsage();
    try {
      await reader.read(file);
    } catch (error) {
      if (!(error instanceof UserError))
        say({ failed: index, why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    const { user, system } = process.cpuUsage(start);
    const seconds = (user + system) / 1e6;
    if (seconds > CPU_SECONDS) say({ failed: index, why: `took ${seconds.toFixed(1)} s of CPU time` });
    rmSync(file, { force: true });
  }
  say({ done: true });
}

process.once('message', (message) => void work(message as Work).finally(() => process.disconnect()));
