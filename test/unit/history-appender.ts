/** A process that appends records to a history and names each one when it is recorded: `root name count`. */
import { messageOf, UserError } from '../../server/errors';
import { appendRecord, recordId } from '../../server/history/history-store';
import { makeRecord } from './history-records';

const [root = '', name = '', count = ''] = process.argv.slice(2);

async function append(): Promise<void> {
  for (let index = 0; index < Number(count); index++) {
    const made = makeRecord({ name: `${name}-${index}`, value: index });
    await appendRecord(root, { ...made, id: recordId(made) });
    console.log(made.name);
  }
}

append().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = error instanceof UserError ? error.exitCode : 70;
});
