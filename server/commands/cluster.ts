/** Clusters and their jobs: look, follow, cancel; what is submitted has files of its own. */
import path from 'node:path';
import { NotAllowedError } from '../cluster/allowance';
import { localFiles } from '../cluster/local-host';
import { agreesOnTerminal, allowanceText } from '../cluster/terminal-hosts';
import { newToken } from '../cluster/token';
import { CancelledError, messageOf, UserError } from '../errors';
import { CONFIG_SUFFIX } from '../runs/config';
import { plainText } from '../shared/plain-text';
import { isOver, type ClusterProfile, type Job, type JobAction } from '../shared/protocol';
import { print, printLine, printNotes, relative, say, tell, type Call, type Run } from './command';
import { jobLine } from './job-line';
import { knownClusters, openSession } from './session';

export const submit: Run<'submit'> = async (call) => {
  const file = path.resolve(call.positionals[0]);
  if (file.endsWith(CONFIG_SUFFIX)) return (await import('./dispatch')).submitConfig(file, call);
  return (await import('./submit-script')).submitScript(file, call);
};

export const queue: Run<'queue'> = async (call) => {
  const { scheduler } = (await openSession(call, call.values.cluster)).cluster;
  const jobs = await scheduler.queue(call.values.all ? 'all' : 'mine');
  if (call.values.json) print(jobs);
  else for (const job of jobs) say(jobLine(job));
  return 0;
};

export const job: Run<'job'> = async (call) => {
  const {
    values,
    positionals: [id],
  } = call;
  const { scheduler } = (await openSession(call, values.cluster)).cluster;
  if (values.script) {
    const script = await scheduler.script(id);
    // Byte for byte into a file; a terminal must not obey it.
    process.stdout.write(process.stdout.isTTY ? plainText(script) : script);
    return 0;
  }
  const found = await scheduler.job(id);
  if (!found)
    throw new UserError(`${scheduler.title} does not know job ${id}: it never existed, or it ended long ago`, 1);
  if (values.json) print(found);
  else for (const line of jobFacts(found)) say(line);
  return 0;
};

/** All facts of a job, a line each. */
function jobFacts({ reason, ...facts }: Job): string[] {
  const row = (key: string, value: string): string => `${key.padEnd(10)} ${value}`;
  const why = reason && [reason.name, reason.text, reason.remedy].filter(Boolean).join(': ');
  return [
    ...Object.entries(facts).map(([key, value]) =>
      row(key, typeof value === 'object' ? JSON.stringify(value) : String(value)),
    ),
    ...(why ? [row('reason', why)] : []),
  ];
}

type ActionCall = Pick<Call<'cancel'>, 'values' | 'positionals' | 'atEnd'>;

/** A command that does one thing to jobs. */
function actionOn(action: JobAction): (call: ActionCall) => Promise<number> {
  return async (call) => {
    const { cluster } = await openSession(call, call.values.cluster);
    const results = await cluster.scheduler.act(action, [...call.positionals]);
    if (call.values.json) print(results);
    else for (const { id, message } of results) say(`${id}: ${message}`);
    return results.every(({ ok }) => ok) ? 0 : 1;
  };
}
export const cancel: Run<'cancel'> = actionOn('cancel');
export const hold: Run<'hold'> = actionOn('hold');
export const release: Run<'release'> = actionOn('release');

export const logs: Run<'logs'> = async (call) => {
  const {
    values,
    positionals: [id],
    signal,
  } = call;
  const { clusters, name } = await openSession(call, values.cluster);
  const {
    explained,
    job: ended,
    note,
  } = await clusters.follow(
    { cluster: name, id, stream: values.stderr ? 'stderr' : 'stdout', follow: newToken() },
    ({ lines, restarted, progress }) => {
      if (values.json) return printLine({ lines, restarted, progress });
      if (restarted) tell('The log was truncated or replaced: it is shown from its beginning');
      for (const line of lines) say(line);
    },
    signal,
    ({ reason, stateName }) =>
      tell(`Job ${id} has not started yet (${reason?.text ?? stateName}); its log is shown once it has`),
  );
  if (signal.aborted) throw new CancelledError(`Cancelled: job ${id} continues`);
  const over = ended && isOver(ended);
  if (values.json) printLine({ explained, job: ended, note });
  else {
    for (const { line, text: meaning, remedy } of explained)
      tell(`\n${line}\n  ${meaning}${remedy ? `. ${remedy}` : ''}`);
    if (note !== undefined) tell(`\n${note}`);
    if (over) tell(`\n${jobLine(ended)}`);
  }
  return over && ended.state !== 'done' ? 1 : 0;
};

export const clusters: Run<'clusters'> = (call) => (call.positionals[0] === 'allow' ? allowFile(call) : list(call));

async function list({ values }: Pick<Call<'clusters'>, 'values'>): Promise<number> {
  const { clusters: known, profiles, problems } = await knownClusters();
  printNotes([...problems, ...known.notAllowed.map((file) => new NotAllowedError(file).message)]);
  if (values.json) print(profiles);
  else
    for (const profile of profiles) {
      const { name, host, via, local } = profile;
      const isAllowed = !known.notAllowed.some((file) => file.profiles.includes(profile));
      const by = host === undefined || local || !isAllowed ? undefined : await byWhat(profile.transport, host);
      const place = local ? 'this machine' : [host, via].filter(Boolean).join(' > ');
      say(`${name.padEnd(20)} ${place}${by === undefined ? '' : `, ${by}`}`);
    }
  return problems.length > 0 ? 1 : 0;
}

/** By what a cluster would be connected, where that is not ssh2; what is wrong with ssh's configuration takes its place. */
async function byWhat(transport: ClusterProfile['transport'], host: string): Promise<string | undefined> {
  const { transportWords } = await import('../cluster/transport');
  return transportWords(transport ?? 'auto', host).catch(messageOf);
}

/** Shows what the workspace's file leads to, and remembers that the user agrees. */
async function allowFile({ values }: Pick<Call<'clusters'>, 'values'>): Promise<number> {
  const { clusters: known, profiles, problems, files } = await knownClusters();
  printNotes(problems);
  const [workspace] = files.values();
  if (!workspace || workspace.profiles.length === 0)
    throw new UserError(
      profiles.length > 0
        ? 'The clusters that are known here are your own: there is nothing to allow'
        : 'This folder names no clusters in .edm-workbench/clusters.yaml: there is nothing to allow',
    );
  const isAllowed = known.notAllowed.length === 0;
  printNotes([allowanceText(workspace)]);
  const refusal = new UserError('Cannot ask without a terminal: --yes allows what is listed above');
  if (!isAllowed && !values.yes && !(await agreesOnTerminal(refusal)))
    throw new CancelledError('Not allowed: nothing of this file is used');
  await known.allow(workspace);
  say(isAllowed ? 'Allowed before' : 'Allowed until the file changes');
  return 0;
}

export const connectCheck: Run<'connect-check'> = async (call) => {
  const { clusters, name, cluster } = await openSession(call, call.values.cluster, { check: true });
  const { profile, user, home } = cluster;
  const info = clusters.info(profile);
  if (call.values.json) print({ ...info, user, home });
  else say(`${name}: ${info.scheduler}, as ${user}, home ${home}${info.by === undefined ? '' : `, by ${info.by}`}`);
  return 0;
};

export const snapshot: Run<'snapshot'> = async (call) => {
  const out = path.resolve(call.values.out);
  // Before a password is asked for.
  if ((await localFiles.stat(path.dirname(out)))?.kind !== 'folder')
    throw new UserError(`Cannot write ${out} on this machine: no such file or folder`);
  const { clusters, name } = await openSession(call, call.values.cluster);
  const taken = await clusters.takeSnapshot(name, 0);
  await localFiles.write(out, `${JSON.stringify(taken, null, 2)}\n`);
  const counts = { partitions: taken.partitions.length, nodes: taken.nodes?.length ?? 0 };
  if (call.values.json) print({ file: out, ...counts });
  else say(`${relative(out)}: ${counts.partitions} partitions, ${counts.nodes} nodes`);
  return 0;
};
