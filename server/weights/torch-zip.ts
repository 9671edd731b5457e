import { UserError, messageOf } from '../errors';
import { entryStart, openZip } from '../zip-file';
import { ByteCursor, ByteRange } from './byte-cursor';
import type { ByteSource } from './source-file';
import type { TorchReader } from './torch-objects';
import { shortName } from './value-text';

/** torch writes one entry per tensor; the largest snapshots have some thousands. */
const MAX_ENTRIES = 100_000;

const STORED = 0;
/** Memory of an entry besides its name, by estimate. */
const ENTRY_BYTES = 256;

/**
 * Reads what `torch.save` wrote since torch 1.6, or `torch.jit.save` since 1.4: a zip archive with NAME/data.pkl and
 * NAME/data/KEY, which are stored. TorchScript's code, which lies beside them deflated, is not read.
 * @param file a file, or an archive inside one
 * @throws UserError when it is not such an archive or is damaged
 */
export async function readTorchZip(file: ByteSource, reader: TorchReader): Promise<unknown> {
  const entries = await entriesOf(file);
  const pickle = [...entries.keys()].find((name) => name.endsWith('/data.pkl'));
  if (pickle === undefined)
    throw new UserError(`${file.path} is a zip archive, but torch.save did not write it: it has no data.pkl`);
  const stored = (name: string): ByteRange | undefined => {
    const entry = entries.get(name);
    if (entry && !entry.isStored)
      file.fail(`entry ${shortName(name)} is compressed or encrypted, which torch never does`);
    return entry?.range;
  };
  const range = stored(pickle) ?? new ByteRange(0, 0);
  const folder = pickle.slice(0, -'data.pkl'.length);
  const cursor = new ByteCursor(file, range.offset, range.offset + range.length);
  return reader.readZipped(cursor, (key) => stored(`${folder}data/${key}`));
}

/** Where an entry's bytes lie in the file, and whether they are there as they are. */
interface Entry {
  readonly range: ByteRange;
  readonly isStored: boolean;
}

async function entriesOf(file: ByteSource): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  const zip = await openZip(file).catch((error: unknown) => {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `Cannot read ${file.path} as a zip archive: ${messageOf(error)}: copy it again from its source`,
    );
  });
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName: name } = entry;
      file.budget.spend(2);
      file.budget.hold(ENTRY_BYTES + 2 * name.length);
      if (entries.size >= MAX_ENTRIES) file.fail('it has more entries than any network has');
      if (entries.has(name)) file.fail(`it has the entry ${shortName(name)} twice`);
      const isStored = entry.compressionMethod === STORED && !entry.isEncrypted();
      entries.set(name, { range: new ByteRange(entryStart(file, entry), entry.uncompressedSize), isStored });
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    file.fail(shortName(messageOf(error)));
  } finally {
    zip.close();
  }
  return entries;
}
