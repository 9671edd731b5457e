/** What lies on a cluster and can go. */
import { CLEANABLE_STATES, type CleanableState } from '../dispatch/cleanable-states';
import { lookThrough, remove, type CleanWish, type Verdict } from '../dispatch/clean';
import { placeOn } from '../cluster/cluster';
import { Ledger } from '../dispatch/ledger';
import { bytesText, spaceOn, spaceText } from '../dispatch/space';
import { programName } from '../dispatch/stage';
import { UserError } from '../errors';
import { repositoryRoot } from '../git';
import { print, printNotes, say, tell, type Run } from './command';
import { openSession } from './session';

export const clean: Run<'cluster clean'> = async (call) => {
  const { values, withProgress } = call;
  const wish: CleanWish = {
    olderThan: values['older-than'],
    largerThan: values['larger-than'] * 1e6,
    states: statesIn(values.state),
    unfetched: values.unfetched,
  };
  // Outside of a repository no run is known to have been fetched.
  const root = await repositoryRoot(process.cwd()).catch(() => undefined);
  const { dispatches, problems } = root === undefined ? { dispatches: [], problems: [] } : await new Ledger(root).all();
  printNotes(problems);
  const { cluster, name } = await openSession(call, values.cluster);
  const known = { dispatches: dispatches.filter((one) => one.cluster === name), program: await programName() };
  for (const space of await spaceOn(cluster)) tell(spaceText(space));
  const verdicts = await lookThrough(cluster, known, wish);
  const going = verdicts.filter(({ kept }) => kept === undefined);
  if (values.yes) await withProgress((control) => remove(cluster, placeOn(cluster), going, control));
  if (values.json) print({ removed: values.yes, items: verdicts });
  else for (const line of linesOf(verdicts, values.yes)) say(line);
  return 0;
};

function statesIn(list: string): CleanableState[] {
  return list.split(',').map((word) => {
    const state = CLEANABLE_STATES.find((one) => one === word.trim());
    if (state === undefined) throw new UserError(`--state ${list}: write some of ${CLEANABLE_STATES.join(',')}`);
    return state;
  });
}

/** What goes, a line each; how much stays and why; and what to do next. */
function linesOf(verdicts: readonly Verdict[], isDone: boolean): string[] {
  const going = verdicts.filter(({ kept }) => kept === undefined);
  const sum = (some: readonly Verdict[]): string => bytesText(some.reduce((all, { bytes }) => all + bytes, 0));
  const lines = going.map(({ kind, state = '', bytes, modified, path, note }) => {
    const day = new Date(modified * 1000).toISOString().slice(0, 10);
    const words = [bytesText(bytes).padStart(8), day, kind.padEnd(7), state.padEnd(9), path];
    return `${words.join('  ')}${note === undefined ? '' : ` (${note})`}`;
  });
  const reasons = [...new Set(verdicts.flatMap(({ kept }) => kept ?? []))].map((reason) => {
    const those = verdicts.filter(({ kept }) => kept === reason);
    return `Stays: ${those.length} (${sum(those)}), because ${reason}`;
  });
  const end =
    going.length === 0
      ? 'Nothing can go'
      : isDone
        ? `Removed: ${going.length} (${sum(going)})`
        : `Can go: ${going.length} (${sum(going)}); nothing was removed, --yes does it`;
  return [...lines, ...reasons, end];
}
