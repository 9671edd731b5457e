/** A process that appends records to a history, as many as asked or until it is killed, and names each that is written. */
import { appendRecord } from '../../server/history/history-store';
import { makeRecord } from '../unit/history-records';

const [root = '', writer = '', count = 'Infinity'] = process.argv.slice(2);

async function main(): Promise<void> {
  for (let index = 0; index < Number(count); index++) {
    const id = `${writer}-${index}`;
    await appendRecord(root, makeRecord({ id, name: 'x'.repeat(index % 5000) }));
    process.send?.(id);
  }
  process.disconnect();
}

void main();
