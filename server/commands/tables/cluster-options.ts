/** Clusters and the jobs on them. */
import { DIRTY_CHOICES } from '../../dispatch/dirty-choice';
import type { CommandSpec } from '../spec';
import { CLUSTER, JSON_OUTPUT, OUT } from './common-options';

const JOBS = [{ value: 'JOB', help: 'Id of a job or of an array task, e.g. 42 or 42_7', many: true }] as const;
const ONE_JOB = [{ value: 'JOB', help: 'Id of a job or of an array task, e.g. 42 or 42_7' }] as const;

/** A command that does one thing to jobs. */
const jobAction = (name: string, summary: string) =>
  ({
    family: 'clusters',
    summary,
    arguments: JOBS,
    ask: 'name the jobs, e.g. 42 or 42_7',
    options: { cluster: CLUSTER, json: JSON_OUTPUT },
    examples: [`edm-workbench ${name} 4711 --cluster icm`],
  }) as const satisfies CommandSpec;

export const CLUSTER_COMMANDS = {
  submit: {
    family: 'clusters',
    summary: 'Submit a batch script, or the run of a config at its commit',
    details: [
      'A submission happens once, also where the connection is lost meanwhile.',
      'With a run config: the commit is sent by git, the inputs are staged, and the results come back with "pull" or --wait.',
    ],
    usage: [
      'submit SCRIPT [--folder DIR] [--wait] [options]',
      'submit CONFIG.edm.yaml [--wait] [--dirty CHOICE] [options]',
    ],
    arguments: [{ value: 'FILE', help: 'A batch script, or a run config *.edm.yaml', completes: 'file' }],
    ask: 'give a batch script or a run config',
    options: {
      cluster: { ...CLUSTER, otherwise: "the config's, or the only one known here" },
      json: JSON_OUTPUT,
      folder: {
        value: 'DIR',
        otherwise: "the profile's work_folder; with local: true, this folder",
        help: 'Script: folder there to start in',
      },
      'dry-run': { help: 'Submit nothing: ask whether the script would be accepted, or show the scripts of the run' },
      wait: { help: 'Wait for the end; of a config, bring back the results. Exit status 1 where it failed' },
      dirty: {
        value: 'CHOICE',
        choices: DIRTY_CHOICES,
        default: 'refuse',
        help: 'Config: with uncommitted changes, keep runs them as they are',
      },
    },
    examples: [
      'edm-workbench submit train.slurm --cluster icm --dry-run',
      'edm-workbench submit garments.edm.yaml --cluster icm --wait',
    ],
  },
  queue: {
    family: 'clusters',
    summary: 'List jobs: mine, or those of everybody; finished ones while the scheduler shows them',
    options: { cluster: CLUSTER, json: JSON_OUTPUT, all: { help: 'Jobs of all users' } },
    examples: ['edm-workbench queue --cluster icm'],
  },
  job: {
    family: 'clusters',
    summary: 'Print all that the scheduler knows of a job, or its script',
    arguments: ONE_JOB,
    ask: 'give the id of a job',
    options: { cluster: CLUSTER, json: JSON_OUTPUT, script: { help: 'Print the script of the job' } },
    examples: ['edm-workbench job 4711 --cluster icm --script > train.slurm'],
  },
  logs: {
    family: 'clusters',
    summary: 'Follow the log of a job until it ends; known failures are explained at the end',
    details: [
      'With --json one object a line: parts of the log, then what the log means and how the job ended.',
      'Exit status 0 where the job succeeded, 1 where it failed.',
    ],
    arguments: ONE_JOB,
    ask: 'give the id of a job',
    options: { cluster: CLUSTER, json: JSON_OUTPUT, stderr: { help: "Follow the job's error log" } },
    examples: ['edm-workbench logs 4711 --cluster icm'],
  },
  cancel: jobAction('cancel', 'Cancel jobs, and say what became of each'),
  hold: jobAction('hold', 'Keep waiting jobs from starting'),
  release: jobAction('release', 'Let held jobs start'),
  clusters: {
    family: 'clusters',
    summary: "List the clusters that are known here, or allow what this folder's clusters.yaml names",
    details: [
      'Nothing of a clusters.yaml is used before it was allowed: no connection, no setup line.',
      '"clusters allow" shows what it would do and asks; a file that was changed is asked about again.',
    ],
    usage: ['clusters [--json]', 'clusters allow [--yes]'],
    arguments: [{ value: 'allow', choices: ['allow'], optional: true, help: 'Allow the file instead' }],
    options: { json: JSON_OUTPUT, yes: { help: 'allow: show it and ask nothing' } },
    examples: ['edm-workbench clusters', 'edm-workbench clusters allow'],
  },
  login: {
    family: 'clusters',
    summary: 'Log in to a cluster, for all commands and editor windows of yours on this machine',
    details: [
      'What the cluster asks, such as a one-time password, is asked once, here. Without this, the first command or window asks.',
      'A login that nobody uses ends after 4 hours, or 15 minutes where a command or window made it (login_idle).',
    ],
    options: { cluster: CLUSTER, json: JSON_OUTPUT },
    examples: ['edm-workbench login --cluster icm'],
  },
  logout: {
    family: 'clusters',
    summary: 'End logins that are kept, also where a command or window is using them; jobs go on',
    options: {
      cluster: { ...CLUSTER, otherwise: 'all logins' },
      json: JSON_OUTPUT,
    },
    examples: ['edm-workbench logout', 'edm-workbench logout --cluster icm'],
  },
  'connect-check': {
    family: 'clusters',
    summary: 'Connect to a cluster, and say what is there',
    options: { cluster: CLUSTER, json: JSON_OUTPUT },
    examples: ['edm-workbench connect-check --cluster icm'],
  },
  snapshot: {
    family: 'clusters',
    summary: 'Write down what a cluster has and allows, for "lint --snapshot" without a connection',
    options: {
      cluster: CLUSTER,
      json: JSON_OUTPUT,
      out: { ...OUT, value: 'CLUSTER.json', help: 'The snapshot to write' },
    },
    examples: ['edm-workbench snapshot --cluster icm -o icm.json'],
  },
} as const satisfies Record<string, CommandSpec>;
