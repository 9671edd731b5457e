import { createHash } from 'node:crypto';
import { open, readFile, stat, truncate, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOnce, fileError, removeLeftOvers } from '../atomic-file';
import { Claim } from '../claim';
import { demandUnlinked } from '../containment';
import { isSameDetector, statedIdentity } from '../detector-identity';
import { isCode, UserError } from '../errors';
import { makeStateFolder } from '../ignored-folder';
import { checkRegular } from '../regular-file';
import type { HistoryRecord } from '../shared/schema-types.gen';
import { validator } from '../schema';
import { reasonOf } from '../system-error';

/** Folder in the repository for the workbench's files under version control. */
export const STATE_FOLDER = '.edm-workbench';
const FILE = 'history.jsonl';
/** Folder beside it for what belongs to this machine, which git ignores; claims are taken there. */
const LOCAL = 'local';
/** Most milliseconds between two looks whether another process has finished its append. */
const POLL = 40;
/** How every line begins that was ever written: what is left of one that was cut off begins like this. */
const START = '{"version":1,';

/** The records, oldest first, and a sentence for each line that cannot be used. */
export interface History {
  records: HistoryRecord[];
  problems: string[];
}

/** The file that the records of a repository are kept in. @param root top of the repository */
export function historyFile(root: string): string {
  return path.join(root, STATE_FOLDER, FILE);
}

/**
 * Reads `.edm-workbench/history.jsonl` under `root`. A missing file is an empty history. A line that is cut off, not
 * JSON (e.g. a merge conflict marker) or not a record becomes a problem; the others are read. Records of earlier versions get
 * the identity of their detector where it is known.
 * @throws UserError where the file cannot be read
 */
export async function readHistory(root: string): Promise<History> {
  const file = historyFile(root);
  const lines = (await readText(file)).split('\n');
  const before = kept.get(file) ?? new Map<string, Line>();
  const read = new Map<string, Line>();
  const records = new Map<string, HistoryRecord>();
  const problems: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const known = before.get(line) ?? readLine(line);
    read.set(line, known);
    if ('record' in known) records.set(known.record.id, known.record);
    else {
      const isTorn = known.isTorn && index === lines.length - 1;
      const why = isTorn
        ? ' is cut off, as a process ended while it wrote: the next record takes its place'
        : known.why;
      problems.push(`${STATE_FOLDER}/${FILE} line ${index + 1}${why}`);
    }
  }
  kept.delete(file);
  kept.set(file, read);
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  const sorted = [...records.values()].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return { records: identified(sorted), problems };
}

/** What a line holds, or why it cannot be used. */
type Line = { record: HistoryRecord } | { why: string; /** Whether it is what is left of a record. */ isTorn: boolean };

/** Histories whose lines are kept. */
const MOST_KEPT = 4;
/**
 * What the lines of each history held when it was read last, by their text: of thousands, one was added. The file is read whole
 * each time, as git and people change it anywhere.
 */
const kept = new Map<string, ReadonlyMap<string, Line>>();

function readLine(line: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    const marker = /^[<=>]{7}/.test(line) ? ' (a merge conflict marker: keep both sides)' : '';
    return { why: ` is not JSON${marker}`, isTorn: isRest(line) };
  }
  const wrong = validator<HistoryRecord>('history-record')(value);
  return wrong.valid ? { record: wrong.value } : { why: `: ${wrong.problem}`, isTorn: false };
}

/** The records with the identity of each detector: stated, known, or that of another record with the same detector. */
function identified(records: readonly HistoryRecord[]): HistoryRecord[] {
  const stating = new Map<string, HistoryRecord['detector']>();
  for (const { detector } of records) {
    if (detector.identity !== undefined)
      stating.set(`${detector.identity} ${detector.sha256} ${detector.name}`, detector);
  }
  return records.map((record) => {
    const { detector } = record;
    const twin = (): string | undefined => [...stating.values()].find((one) => isSameDetector(one, detector))?.identity;
    const identity = statedIdentity(detector) ?? twin();
    return identity === undefined ? record : { ...record, detector: { ...detector, identity } };
  });
}

/**
 * Digest of everything in a record that the result depends on: equal results have equal ids, whatever their time,
 * duration, device, branch at the commit, and what earlier versions did not write.
 */
export function recordId(record: Omit<HistoryRecord, 'id'>): string {
  const { commit, dirty } = record.code;
  const rest: Record<string, unknown> = { ...record, code: { commit, dirty } };
  for (const key of ['time', 'seconds', 'device', 'standard_error'] as const) delete rest[key];
  rest.detector = { ...record.detector, identity: undefined };
  return createHash('sha256')
    .update(JSON.stringify(rest, Object.keys(flatten(rest)).sort()))
    .digest('hex')
    .slice(0, 16);
}

/** Every property name in `value`, at any depth, for a JSON text that does not depend on the order of keys. */
function flatten(value: unknown, into: Record<string, true> = {}): Record<string, true> {
  if (value && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) into[key] = true;
      flatten(inner, into);
    }
  }
  return into;
}

/**
 * Appends a record as one line, unless the history has the same result; then the earlier record is returned. A result whose
 * standard error was not known takes the earlier one's place. One process
 * at a time appends, and the line is on the disk when this returns. What an interrupted process left of a line is cut off
 * first, a whole line without its end is ended. `merge=union` in .gitattributes lets git merge the records of two
 * branches, and `eol=lf` leaves them the same bytes on every machine.
 * @throws UserError where it cannot be written; the history is then as it was
 */
export async function appendRecord(root: string, record: HistoryRecord): Promise<HistoryRecord> {
  const folder = path.join(root, STATE_FOLDER);
  const file = path.join(folder, FILE);
  try {
    // A repository may come from anywhere: its history must not lead out of it.
    await demandUnlinked(root, file);
    await makeStateFolder(path.join(folder, LOCAL));
    const claim = await takeClaim(path.join(folder, LOCAL));
    try {
      await removeLeftOvers(path.join(folder, LOCAL));
      const known = (await readHistory(root)).records.find((other) => other.id === record.id);
      if (known && (known.standard_error !== undefined || record.standard_error === undefined)) return known;
      const attributes = path.join(folder, '.gitattributes');
      const isThere = await stat(attributes).catch(() => undefined);
      if (!isThere) await createOnce(attributes, `${FILE} merge=union text eol=lf\n`);
      const { version, ...rest } = record;
      await appendLine(file, JSON.stringify({ version, ...rest }));
      return record;
    } finally {
      await claim.release();
    }
  } catch (error) {
    throw fileError(error, file);
  }
}

async function takeClaim(folder: string): Promise<Claim> {
  for (;;) {
    const claim = await Claim.take(folder, 'history');
    if (claim) return claim;
    await sleep(Math.random() * POLL);
  }
}

/** Adds a line and flushes it to the disk. Where that fails, the file is as long as before. */
async function appendLine(file: string, line: string): Promise<void> {
  const handle = await open(file, 'a+');
  try {
    const { size } = await handle.stat();
    const tail = await lastLine(handle, size);
    const rest = tail.toString('utf8');
    const whole = isRest(rest) ? size - tail.length : size;
    if (whole < size) await truncate(file, whole);
    try {
      await handle.appendFile(`${whole === size && tail.length > 0 ? '\n' : ''}${line}\n`);
      await handle.datasync().catch((error: unknown) => {
        if (!['EINVAL', 'ENOSYS', 'ENOTSUP'].some((code) => isCode(error, code))) throw error;
      });
    } catch (error) {
      await truncate(file, whole).catch(() => undefined); // What was written ends as a torn line, which the next append cuts off.
      throw error;
    }
  } finally {
    await handle.close();
  }
}

/** The bytes after the last line end. */
async function lastLine(handle: FileHandle, size: number): Promise<Buffer> {
  const step = 1 << 16;
  let tail = Buffer.alloc(0);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - step);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    const part = buffer.subarray(0, bytesRead);
    const at = part.lastIndexOf(10);
    tail = Buffer.concat([part.subarray(at + 1), tail]);
    if (at >= 0 || bytesRead < end - start) break;
    end = start;
  }
  return tail;
}

/**
 * Whether a line without an end is what is left of a record; after a power failure it may end in zeros, or be nothing
 * else. A whole line that lacks only its end, and text of anybody else, are not.
 */
function isRest(line: string): boolean {
  const written = line.replace(/(?<!\0)\0+$/, '');
  if (written === line && isJson(line)) return false;
  return written.startsWith(START) || START.startsWith(written);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The file's text; empty where there is none. */
async function readText(file: string): Promise<string> {
  try {
    checkRegular(await stat(file), file);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return '';
    throw error instanceof UserError ? error : new UserError(`Cannot read ${file}: ${reasonOf(error, 'read')}`);
  }
}
