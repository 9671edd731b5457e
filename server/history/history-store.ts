import { createHash } from 'node:crypto';
import { appendFile, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { HistoryRecord } from '../shared/schema-types.gen';
import { validator } from '../schema';

/** Folder in the repository for the workbench's files under version control. */
export const STATE_FOLDER = '.edm-workbench';
const FILE = 'history.jsonl';

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
 * JSON (e.g. a merge conflict marker) or not a record becomes a problem; the others are read.
 */
export async function readHistory(root: string): Promise<History> {
  const file = historyFile(root);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { records: [], problems: [] };
    throw error;
  }
  const validate = validator<HistoryRecord>('history-record');
  const records = new Map<string, HistoryRecord>();
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const where = `${STATE_FOLDER}/${FILE} line ${index + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      problems.push(
        `${where} is not JSON${/^[<=>]{7}/.test(line) ? ' (a merge conflict marker: keep both sides)' : ''}`,
      );
      continue;
    }
    const wrong = validate(value);
    if (wrong.valid) records.set(wrong.value.id, wrong.value);
    else problems.push(`${where}: ${wrong.problem}`);
  }
  return { records: [...records.values()].sort((a, b) => a.time.localeCompare(b.time)), problems };
}

/**
 * Digest of everything in a record that the result depends on: equal results have equal ids, whatever their time,
 * duration, device, and branch at the commit.
 */
export function recordId(record: Omit<HistoryRecord, 'id'>): string {
  const { commit, dirty } = record.code;
  const rest: Record<string, unknown> = { ...record, code: { commit, dirty } };
  for (const key of ['time', 'seconds', 'device'] as const) delete rest[key];
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
 * Appends a record as one line, unless the history has the same result; then the earlier record is returned. As each
 * record is a single append, concurrent or interrupted writers leave at most an incomplete last line, which the next
 * append ends. `merge=union` in .gitattributes lets git merge the records of two branches.
 */
export async function appendRecord(root: string, record: HistoryRecord): Promise<HistoryRecord> {
  const known = (await readHistory(root)).records.find((other) => other.id === record.id);
  if (known) return known;
  const folder = path.join(root, STATE_FOLDER);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, '.gitattributes'), `${FILE} merge=union\n`, { flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  const file = path.join(folder, FILE);
  const torn = await endsWithoutNewline(file);
  await appendFile(file, `${torn ? '\n' : ''}${JSON.stringify(record)}\n`);
  return record;
}

async function endsWithoutNewline(file: string): Promise<boolean> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return false;
  try {
    const { size } = await handle.stat();
    if (size === 0) return false;
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] !== 10;
  } finally {
    await handle.close();
  }
}
