import { UserError, messageOf } from '../errors';
import { entryStart, openZip } from '../zip-file';
import { ByteCursor, ByteRange } from './byte-cursor';
import type { SourceFile } from './source-file';
import type { TorchReader } from './torch-objects';
import { shortName } from './value-text';

/** torch writes one entry per tensor; the largest snapshots have some thousands. */
const MAX_ENTRIES = 100_000;

const STORED = 0;
/** Memory of an entry besides its name, by estimate. */
const ENTRY_BYTES = 256;

/**
 * Reads what `torch.save` wrote since torch 1.6: a zip archive, stored, with NAME/data.pkl and NAME/data/KEY.
 * @throws UserError when it is not such an archive or is damaged
 */
export async function readTorchZip(file: SourceFile, reader: TorchReader): Promise<unknown> {
  const entries = await storedEntries(file);
  const pickle = [...entries.keys()].find((name) => name.endsWith('/data.pkl'));
  const range = entries.get(pickle ?? '');
  if (!pickle || !range)
    throw new UserError(`${file.path} is a zip archive, but torch.save did not write it: it has no data.pkl`);
  const folder = pickle.slice(0, -'data.pkl'.length);
  const cursor = new ByteCursor(file, range.offset, range.offset + range.length);
  return reader.readZipped(cursor, (key) => entries.get(`${folder}data/${key}`));
}

/** Where each entry's bytes lie in the file; compressed entries are refused, as torch never writes them. */
async function storedEntries(file: SourceFile): Promise<Map<string, ByteRange>> {
  const entries = new Map<string, ByteRange>();
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
      if (entry.compressionMethod !== STORED || entry.isEncrypted())
        file.fail(`entry ${shortName(name)} is compressed or encrypted, which torch never does`);
      if (entries.size >= MAX_ENTRIES) file.fail('it has more entries than any network has');
      if (entries.has(name)) file.fail(`it has the entry ${shortName(name)} twice`);
      entries.set(name, new ByteRange(entryStart(file, entry), entry.uncompressedSize));
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    file.fail(shortName(messageOf(error)));
  } finally {
    zip.close();
  }
  return entries;
}
