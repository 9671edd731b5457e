/** Whole commands and writers, disturbed: kills, a full disk, several at once. */
import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readHistory } from '../../server/history/history-store';
import { COMMANDS, ended, outcome, strays, torn, Workshop, type Command } from './commands';
import type { Failure } from './fuzz';
import { chanceOf, pick, type Random, whole } from './random';

/** What a part is to do: rounds counted from `from`, none begun after `until` (ms, Date.now()). */
export interface Order {
  seed: number;
  from: number;
  rounds: number;
  until: number;
}

/** A part of the campaign that disturbs whole commands. */
export interface Part {
  name: string;
  run: (order: Order) => Promise<{ tries: number; failures: Failure[] }>;
}

/** One round: what it did is counted, what it found is thrown or returned. */
type Round = (next: Random, shop: Workshop) => Promise<{ tries: number; wrong: string[] }>;

/** How often one command is disturbed before it may end. */
const DISTURBANCES = 4;

/** What a command leaves when nothing disturbs it, and how long it takes in ms. */
const expected = new Map<string, { left: string; ms: number }>();

async function undisturbed(command: Command, shop: Workshop): Promise<{ left: string; ms: number }> {
  const known = expected.get(command.name);
  if (known) return known;
  const folder = shop.copy();
  const start = Date.now();
  await shop.finish(command, folder);
  const result = { left: await outcome(folder), ms: Date.now() - start };
  expected.set(command.name, result);
  return result;
}

/** Lines that one text has and the other has not. */
function difference(left: string, right: string): string {
  const [a, b] = [left.split('\n'), right.split('\n')];
  const [more, less] = [a.filter((line) => !b.includes(line)), b.filter((line) => !a.includes(line))];
  return `it left\n    ${more.join('\n    ')}\n  instead of\n    ${less.join('\n    ')}`;
}

/** Ends a disturbed command for good, and compares. */
async function compare(command: Command, folder: string, shop: Workshop): Promise<string[]> {
  try {
    await shop.finish(command, folder);
  } catch (error) {
    return [`could not be ended afterwards: ${error instanceof Error ? error.message : String(error)}`];
  }
  const [left, { left: right }] = [await outcome(folder), await undisturbed(command, shop)];
  rmSync(folder, { recursive: true, force: true });
  return left === right ? [] : [`${command.name}: ${difference(left, right)}`];
}

/** kill -9 at random moments, of the command alone or with all it started; then it is run to its end. */
const kills: Round = async (next, shop) => {
  const command = pick(next, COMMANDS);
  const { ms } = await undisturbed(command, shop);
  const folder = shop.copy();
  const wrong: string[] = [];
  let tries = 0;
  for (; tries < DISTURBANCES; tries++) {
    const child = shop.start(command, folder);
    const end = ended(child);
    const finished = await Promise.race([end, sleep(next() * ms)]);
    if (finished) break;
    const { pid = 0 } = child;
    process.kill(next() < 0.5 ? pid : -pid, 'SIGKILL');
    await end;
    for (let waited = 0; strays(folder).length > 0 && waited < 5000; waited += 100) await sleep(100);
    const left = strays(folder);
    if (left.length > 0) wrong.push(`${command.name}: process ${left.join(', ')} lives on`);
    wrong.push(...(await torn(folder)).map((file) => `${command.name}: torn after a kill: ${file}`));
  }
  return { tries: Math.max(1, tries), wrong: [...wrong, ...(await compare(command, folder, shop))] };
};

/** Several at once in one folder: the same outcome as one alone. */
const together: Round = async (next, shop) => {
  const command = pick(next, COMMANDS);
  await undisturbed(command, shop);
  const folder = shop.copy();
  const count = 2 + whole(next, 2);
  const ends = Array.from({ length: count }, async () => {
    await sleep(next() * 200);
    return ended(shop.start(command, folder));
  });
  const wrong = (await Promise.all(ends))
    .filter(({ said }) => /^\s+at .*:\d+:\d+\)?$/m.test(said))
    .map(({ said }) => `${command.name}: a stack is shown: ${said}`);
  wrong.push(...(await torn(folder)).map((file) => `${command.name}: torn by ${count} writers: ${file}`));
  return { tries: count, wrong: [...wrong, ...(await compare(command, folder, shop))] };
};

/** A small disk of its own, where this user may mount one; undefined elsewhere. */
function smallDisk(): { folder: string; remove(): void } | undefined {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'edm-campaign-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const remove = (): void => {
    execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, remove };
}

/** A disk that is full at a random byte: one line, no stack, and all goes well when there is room again. */
const fullDisk: Round = async (next, shop) => {
  const command = pick(next, COMMANDS);
  await undisturbed(command, shop);
  const disk = smallDisk();
  if (!disk) return { tries: 0, wrong: [] };
  try {
    const folder = path.join(disk.folder, 'copy');
    execFileSync('cp', ['-r', shop.copy(), folder]);
    const wrong: string[] = [];
    for (let tries = 0; tries < DISTURBANCES; tries++) {
      const { bavail, bsize } = statfsSync(folder);
      const room = whole(next, 64) * bsize;
      const ballast = path.join(disk.folder, 'ballast');
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - room)));
      const { code, said } = await ended(shop.start(command, folder));
      rmSync(ballast);
      if (/^\s+at .*:\d+:\d+\)?$/m.test(said) || code === null || ![0, 1, 2].includes(code))
        wrong.push(`${command.name} with ${room} bytes of room ended with ${code}: ${said}`);
      wrong.push(...(await torn(folder)).map((file) => `${command.name}: torn on a full disk: ${file}`));
    }
    return { tries: DISTURBANCES, wrong: [...wrong, ...(await compare(command, folder, shop))] };
  } finally {
    disk.remove();
  }
};

/** Writers of a history, some killed: every record that was acknowledged is there once, no line is torn at the end. */
const appends: Round = async (next) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'edm-campaign-history-'));
  const acknowledged = new Set<string>();
  const writers = Array.from({ length: 3 }, (_, writer) => {
    const child = fork(path.join(__dirname, 'append-process.ts'), [root, String(writer)], {
      execArgv: ['--import', 'tsx'],
    });
    child.on('message', (id: string) => acknowledged.add(id));
    return child;
  });
  const ends = writers.map((child) => new Promise((resolve) => child.on('exit', resolve)));
  while (acknowledged.size < 3) await sleep(20);
  for (const child of writers) setTimeout(() => child.kill('SIGKILL'), next() * 500);
  await Promise.all(ends);
  // Messages that were on their way when their process ended.
  await sleep(50);
  const last = fork(path.join(__dirname, 'append-process.ts'), [root, 'last', '1'], { execArgv: ['--import', 'tsx'] });
  last.on('message', (id: string) => acknowledged.add(id));
  await new Promise((resolve) => last.on('exit', resolve));
  const { records, problems } = await readHistory(root);
  const there = new Set(records.map(({ id }) => id));
  const lost = [...acknowledged].filter((id) => !there.has(id));
  rmSync(root, { recursive: true });
  return { tries: 3, wrong: [...problems, ...lost.map((id) => `record ${id} was acknowledged and is lost`)] };
};

const shop = new Workshop();
let opened: Promise<void> | undefined;

/** Rounds of one kind until the time or their number is over. */
function part(name: string, round: Round): Part {
  return {
    name,
    run: async ({ seed, from, rounds, until }) => {
      await (opened ??= shop.open());
      const failures: Failure[] = [];
      let tries = 0;
      for (let index = from; tries < rounds && Date.now() < until; index++) {
        const { tries: more, wrong } = await round(chanceOf(seed, name, index), shop);
        if (more === 0) break; // this machine cannot do it
        tries += more;
        const again = `--seed ${seed} --only ${name} --at ${index}`;
        failures.push(...wrong.map((what) => ({ what: `${name}, round ${index}: ${what}`, again })));
      }
      return { tries, failures };
    },
  };
}

/** All parts, in order. */
export const PARTS: readonly Part[] = [
  part('appends', appends),
  part('together', together),
  part('full-disk', fullDisk),
  part('kills', kills),
];
