/** Clusters on the command line: submit, look, follow, cancel. */
import path from 'node:path';
import { Clusters, scriptText, type OpenCluster } from '../cluster/clusters';
import { localFiles } from '../cluster/local-host';
import { endLogin, terminalHosts } from '../cluster/terminal-hosts';
import { newToken } from '../cluster/token';
import { CancelledError, UserError } from '../errors';
import { durationText } from '../shared/progress';
import { withoutControls } from '../terminal';
import { isOver, type Job, type JobAction } from '../shared/protocol';
import { CONFIG_SUFFIX } from '../runs/config';
import { flag, none, only, print, relative, required, string, text, type Command, type Values } from './command';

const CLUSTER = { cluster: text, json: flag } as const;

/**
 * The clusters of the current folder, and the one that is meant: named, or the only one.
 * @param check whether what is not honoured of ssh's configuration is shown also where all goes well
 */
export async function session(
  values: Values,
  check = false,
): Promise<{ clusters: Clusters; name: string; cluster: OpenCluster }> {
  const clusters = new Clusters({ hosts: terminalHosts(), folder: process.cwd() });
  const { profiles, problems } = await clusters.load();
  for (const problem of problems) console.error(problem);
  const given = string(values, 'cluster');
  if (given === undefined && profiles.length !== 1)
    throw new UserError(
      profiles.length === 0
        ? 'No cluster is known: write one into .edm-workbench/clusters.yaml, or run this on a login node'
        : `Say which cluster: --cluster ${profiles.map(({ name }) => name).join(' | ')}`,
    );
  const name = given ?? profiles[0].name;
  const cluster = await clusters.open(name, true).catch((error: unknown) => {
    if (error instanceof CancelledError) throw new CancelledError(`Cancelled: not connected to ${name}`);
    endLogin({ show: true });
    throw error;
  });
  endLogin({ show: check });
  for (const line of await clusters.settle(name)) console.error(line);
  return { clusters, name, cluster };
}

/** One job in one line. */
function jobLine({ id, name, user, partition, state, elapsed, limit, nodeList, reason }: Job): string {
  const most = limit === undefined ? '' : `${elapsed === undefined ? 'limit' : ' of'} ${durationText(limit)}`;
  const time = `${elapsed === undefined ? '' : durationText(elapsed)}${most}`;
  const where = nodeList ?? (reason ? `${reason.name}: ${reason.text}` : '');
  const line = [id.padEnd(14), state.padEnd(9), partition.padEnd(10), user.padEnd(10), name.padEnd(20), time, where];
  // A name may have line ends and what a terminal acts on, and not all are ours.
  return withoutControls(line.join('  ').trimEnd()).replace(/[\t\n]/g, ' ');
}

function action(kind: JobAction, summary: string): Command {
  return {
    usage: `${kind} JOB... --cluster NAME [--json]`,
    summary,
    options: CLUSTER,
    async run(values, positionals) {
      if (positionals.length === 0) throw new UserError(`${kind}: name the jobs, e.g. 42 or 42_7`);
      const { cluster } = await session(values);
      const results = await cluster.scheduler.act(kind, positionals);
      if (values.json) print(results);
      else for (const { id, message } of results) console.log(`${id}: ${message}`);
      return results.every(({ ok }) => ok) ? 0 : 1;
    },
  };
}

export const clusterCommands: Record<string, Command> = {
  submit: {
    usage:
      'submit FILE --cluster NAME [--folder DIR] [--dry-run] [--json]\n' +
      '  edm-workbench submit CONFIG.edm.yaml [--cluster NAME] [--wait] [--dirty refuse|commit|keep] [--dry-run] [--json]',
    summary:
      'Submit a batch script, or the run of a config at its commit, once whatever becomes of the connection;\n' +
      '      --dry-run only asks what would happen, or shows the scripts of the run',
    options: { ...CLUSTER, folder: text, 'dry-run': flag, wait: flag, dirty: text },
    async run(values, positionals, control) {
      const script = path.resolve(only(positionals, 'a batch script or a run config'));
      if (script.endsWith(CONFIG_SUFFIX)) return (await import('./dispatch')).submitConfig(script, values, control);
      const content = await scriptText(script); // before anybody is asked for a password
      const { clusters, name } = await session(values);
      const params = { cluster: name, script, text: content, folder: string(values, 'folder') };
      if (values['dry-run']) {
        const { ok, message, line } = await clusters.dryRun(params);
        if (values.json) print({ ok, message, line });
        else console.log(`${line === undefined ? '' : `${relative(script)}:${line + 1}: `}${message}`);
        return ok ? 0 : 1;
      }
      const submitted = await clusters.submit(params).catch((error: unknown) => {
        const { line } = error as { line?: unknown };
        if (error instanceof UserError && typeof line === 'number')
          throw new UserError(`${relative(script)}:${line + 1}: ${error.message}`, 1);
        throw error;
      });
      for (const warning of submitted.warnings) console.error(warning);
      if (values.json) print(submitted);
      else console.log(submitted.id);
      return 0;
    },
  },
  queue: {
    usage: 'queue --cluster NAME [--all] [--json]',
    summary: 'My jobs, or with --all those of everybody; finished ones as long as the scheduler shows them',
    options: { ...CLUSTER, all: flag },
    async run(values, positionals) {
      none(positionals);
      const { scheduler } = (await session(values)).cluster;
      const jobs = await scheduler.queue(values.all ? 'all' : 'mine');
      if (values.json) print(jobs);
      else for (const job of jobs) console.log(jobLine(job));
      return 0;
    },
  },
  job: {
    usage: 'job ID --cluster NAME [--script] [--json]',
    summary: 'All that the scheduler knows of a job, or its script',
    options: { ...CLUSTER, script: flag },
    async run(values, positionals) {
      const id = only(positionals, 'the id of a job');
      const { scheduler } = (await session(values)).cluster;
      if (values.script) {
        process.stdout.write(await scheduler.script(id));
        return 0;
      }
      const job = await scheduler.job(id);
      if (!job) throw new UserError(`${scheduler.title} does not know job ${id}: it never was, or ended long ago`, 1);
      if (values.json) print(job);
      else {
        const { reason, ...facts } = job;
        for (const [key, value] of Object.entries(facts))
          console.log(`${key.padEnd(10)} ${typeof value === 'object' ? JSON.stringify(value) : value}`);
        if (reason) console.log(`${'reason'.padEnd(10)} ${[reason.name, reason.text, reason.remedy].filter(Boolean).join(': ')}`); // prettier-ignore
      }
      return 0;
    },
  },
  cancel: action('cancel', 'Cancel jobs, and say what became of each'),
  hold: action('hold', 'Keep waiting jobs from starting'),
  release: action('release', 'Let held jobs start'),
  logs: {
    usage: 'logs JOB --cluster NAME [--stderr] [--json]',
    summary:
      'Follow the log of a job until it ends; known failures are explained at the end;\n' +
      '      --json prints an object a line: parts of the log, then what it means and how the job ended',
    options: { ...CLUSTER, stderr: flag },
    async run(values, positionals, { signal }) {
      const id = only(positionals, 'the id of a job');
      const { clusters, name } = await session(values);
      const follow = { cluster: name, id, stream: values.stderr ? 'stderr' : 'stdout', follow: newToken() } as const;
      const { explained, job } = await clusters.follow(
        follow,
        ({ lines, restarted, progress }) => {
          if (values.json) return console.log(JSON.stringify({ lines, restarted, progress }));
          if (restarted) console.error('The file begins anew');
          for (const line of lines) console.log(withoutControls(line));
        },
        signal,
        ({ reason, stateName }) =>
          console.error(`Job ${id} has not started yet (${reason?.text ?? stateName}); its log follows when it does`),
      );
      if (signal.aborted) throw new CancelledError(`Cancelled: job ${id} goes on`);
      if (values.json) console.log(JSON.stringify({ explained, job }));
      else {
        for (const { line, text: meaning, remedy } of explained)
          console.error(`\n${withoutControls(line)}\n  ${meaning}${remedy ? `. ${remedy}` : ''}`);
        if (job && isOver(job)) console.error(`\n${jobLine(job)}`);
      }
      return job && isOver(job) && job.state !== 'done' ? 1 : 0;
    },
  },
  clusters: {
    usage: 'clusters [--json]',
    summary: 'The clusters that are known here',
    options: { json: flag },
    async run(values, positionals) {
      none(positionals);
      const clusters = new Clusters({ hosts: terminalHosts(), folder: process.cwd() });
      const { profiles, problems } = await clusters.load();
      for (const problem of problems) console.error(problem);
      if (values.json) print(profiles);
      else
        for (const { name, host, via, local } of profiles)
          console.log(`${name.padEnd(20)} ${local ? 'this machine' : [host, via].filter(Boolean).join(' > ')}`);
      return problems.length > 0 ? 1 : 0;
    },
  },
  'connect-check': {
    usage: 'connect-check --cluster NAME [--json]',
    summary: 'Connect, and say what is there',
    options: CLUSTER,
    async run(values, positionals) {
      none(positionals);
      const { clusters, name, cluster } = await session(values, true);
      const { profile, user, home } = cluster;
      const info = clusters.info(profile);
      if (values.json) print({ ...info, user, home });
      else console.log(`${name}: ${info.scheduler}, as ${user}, home ${home}`);
      return 0;
    },
  },
  snapshot: {
    usage: 'snapshot --cluster NAME -o FILE.json',
    summary: 'What the cluster has and allows, for `lint --snapshot FILE.json` without a connection',
    options: { ...CLUSTER, out: { type: 'string', short: 'o' } },
    async run(values, positionals) {
      none(positionals);
      const out = path.resolve(required(values, 'out'));
      const { clusters, name } = await session(values);
      const snapshot = await clusters.takeSnapshot(name, 0);
      await localFiles.write(out, `${JSON.stringify(snapshot, null, 2)}\n`);
      console.log(`${relative(out)}: ${snapshot.partitions.length} partitions, ${snapshot.nodes?.length ?? 0} nodes`);
      return 0;
    },
  },
};
