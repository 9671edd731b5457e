/** A job in one line. */
import { plainLine } from '../shared/plain-text';
import { durationText } from '../shared/progress';
import type { Job } from '../shared/protocol';

/** A job in one line: id, state, partition, user, name, time, and where it runs or why it waits. */
export function jobLine({ id, name, user, partition, state, elapsed, limit, nodeList, reason }: Job): string {
  const most = limit === undefined ? '' : `${elapsed === undefined ? 'limit' : ' of'} ${durationText(limit)}`;
  const time = `${elapsed === undefined ? '' : durationText(elapsed)}${most}`;
  const where = nodeList ?? (reason ? `${reason.name}: ${reason.text}` : '');
  const line = [id.padEnd(14), state.padEnd(9), partition.padEnd(10), user.padEnd(10), name.padEnd(20), time, where];
  // The name of a job may hold line ends, and not all jobs are ours.
  return plainLine(line.join('  ').trimEnd());
}
