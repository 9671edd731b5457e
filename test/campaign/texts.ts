/** Readers of texts that others write: what each is given, and how it is asked. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clustersLanguage, readProfiles } from '../../server/cluster/profiles';
import { explain, progressOf } from '../../server/cluster/log-findings';
import * as lsfJobs from '../../server/cluster/lsf/job-table';
import * as lsfQueues from '../../server/cluster/lsf/queues';
import { parseAccounting, sacctFields } from '../../server/cluster/slurm/accounting';
import { parseQueue, reasonOf } from '../../server/cluster/slurm/job-table';
import { parseLoad, snapshotOf } from '../../server/cluster/slurm/partitions';
import { sshSettings } from '../../server/cluster/ssh/configuration';
import { readCalibration } from '../../server/dispatch/calibration';
import { readHistory } from '../../server/history/history-store';
import { configLanguage } from '../../server/runs/assist';
import { crossChecks } from '../../server/runs/checks';
import { readConfig } from '../../server/runs/config';
import { analyse, applyFixes } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';
import { convert } from '../../server/scripts/convert';
import { formatDirectives } from '../../server/scripts/format';
import { hoverAt } from '../../server/scripts/hover';
import { symbols } from '../../server/scripts/symbols';
import { hoverText, proposals } from '../../server/yaml-assist';
import { YamlText } from '../../server/yaml-text';
import { makeRecord } from '../unit/history-records';
import { pick, type Random, whole } from './random';
import type { Reader } from './reader';

const FIXTURES = path.join(__dirname, '..', 'fixtures');

/** All texts below a folder of the fixtures. */
const textsIn = (folder: string, wanted = /./): string[] =>
  readdirSync(path.join(FIXTURES, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'));

/** What breaks readers of any text: controls, ends of lines, numbers beyond all bounds, deep and long things. */
const ANYWHERE: readonly ((next: Random) => string)[] = [
  () => '\0',
  () => '\r',
  () => '\r\n',
  () => '\u2028',
  () => '\ud800',
  () => '\u202e',
  () => '\u001b[2J',
  () => '\uFEFF',
  () => '99999999999999999999',
  () => '-1',
  () => '1e999',
  () => 'NaN',
  () => '__proto__',
  () => '../../../etc/passwd',
  (next) =>
    pick(next, ['(', '[', '{', '"', "'", '`', '$(', '${', '<<E\n', '&', '*', '%']).repeat(1 + whole(next, 3000)),
  (next) => 'a'.repeat(whole(next, 20_000)),
  (next) => '\n'.repeat(whole(next, 2000)),
  (next) => ' '.repeat(whole(next, 5000)),
];

/** Changes a text at places where its structure is: lines, words, signs. `words` are those of its language. */
function damaged(next: Random, text: string, words: readonly string[]): string {
  let lines = text.split(/(?<=\n)/);
  for (let times = 1 + whole(next, 6); times > 0; times--) {
    const at = whole(next, lines.length);
    const line = lines[at] ?? '';
    const cut = whole(next, line.length + 1);
    const change = pick<() => void>(next, [
      () => (lines[at] = line.slice(0, cut) + pick(next, ANYWHERE)(next) + line.slice(cut)),
      () => (lines[at] = line.slice(0, cut) + pick(next, words) + line.slice(cut)),
      () => (lines[at] = line.slice(0, cut) + line.slice(cut + 1 + whole(next, 5))),
      () => lines.splice(at, 1 + whole(next, 3)),
      () => lines.splice(at, 0, pick(next, lines.length > 0 ? lines : ['\n'])),
      () => (lines = lines.slice(0, at)),
      () => (lines[at] = line.replace(/\S+(?=\s*$)/, () => pick(next, words))),
    ]);
    change();
    if (lines.length === 0) lines = ['\n'];
  }
  return lines.join('');
}

const CONFIGS = [
  'network: embedded:fashion-mnist\nseeds: 0-63\nsteps: 18\nbatch: 64\nfd:\n  reference: embedded:fashion-mnist\n',
  'network: edm.pkl\nseeds: 0-49999\nsolver: heun\ndiscretization: edm\nS_churn: 40\nS_min: 0.05\nS_max: 50\nS_noise: 1.003\n' +
    'cluster: icm\nresources:\n  gpus: 4\n  time: "02:00:00"\nfid:\n  reference: ref.npz\n  detector: inception.pkl\n',
];
const CONFIG_WORDS = [
  '&a [*a, *a]',
  '*a',
  '&a',
  '<<: *a',
  '!!binary AAAA',
  '!!js/function x',
  '? [a, b]',
  '|\n  text',
  '>-',
  '---',
  '...',
  '%YAML 1.1',
  '{a: {b: {c: 1}}}',
  '[1, 2',
  'null',
  '~',
  '0x7fffffffffffffff',
  '.inf',
  'network: [',
  'seeds: 0-999999999999',
  'seeds: 5-1',
  'steps: 1e9',
  'fid:\n  detector: ',
];
const CLUSTERS = [
  'clusters:\n  - name: icm\n    host: user@login.example.org\n    account: g1-1\n    partition: gpu\n    setup: ["module load x"]\n' +
    '    poll: 30\n  - name: here\n    local: true\n    scheduler: slurm\n',
];
const SSH = [
  'Host icm gw?\n  HostName login.example.org\n  User me\n  ProxyJump gate:2222\n  IdentityFile ~/.ssh/%r@%h\n' +
    'Host *\n  ServerAliveInterval 30\nMatch host gate exec "true"\n  Port 22\nInclude ~/.ssh/none/*\n',
];
const SSH_WORDS = [
  'Include *',
  'Host !x',
  'Match all',
  'ProxyJump a,b,c',
  'Port 99999',
  '%h%%%',
  '"',
  'HostName -x',
  'Match',
];

const scripts = [...textsIn('scripts/rules'), ...textsIn('scripts/lecture')];
/** Every text in a recording of a scheduler's answers. */
const stringsOf = (value: unknown): string[] => {
  if (typeof value === 'string') return value.includes('\n') ? [value] : [];
  return value && typeof value === 'object' ? Object.values(value).flatMap(stringsOf) : [];
};
const outputs = (folder: string): string[] => textsIn(folder, /\.json$/).flatMap((text) => stringsOf(JSON.parse(text)));
const OUTPUT_WORDS = [
  '\x1f',
  '\x1e',
  '|',
  'UNKNOWN',
  'INVALID',
  '(null)',
  'gpu:a100:4(IDX:0-3)',
  '1-00:00:00',
  '4294967294',
  '[1-5%2]',
];
const LOGS = [
  'Loading network from "x"\n100%|#####| 10/10 [00:01<00:00, 9.9it/s]\nCalculating FID...\n1.97\n',
  'Traceback (most recent call last):\n  File "generate.py", line 1\nRuntimeError: CUDA out of memory\nslurmstepd: error: *** JOB 1 CANCELLED\n',
];

/** A history as our own writer makes it. */
const RECORDS = [0, 1, 2].map((index) => `${JSON.stringify(makeRecord({ id: `id${index}` }))}\n`).join('');

/** A reader of texts: made of samples and the words of their language. */
function textReader(
  name: string,
  samples: readonly string[],
  words: readonly string[],
  read: (text: string, folder: string) => unknown,
): Reader {
  if (samples.length === 0) throw new Error(`no samples for ${name}`);
  return {
    name,
    make: (next) => Buffer.from(damaged(next, pick(next, samples), words)),
    read: async (file) => {
      await read(readFileSync(file, 'utf8'), path.dirname(file));
    },
  };
}

/** Asks everything there is to ask about a script. */
function script(text: string): void {
  for (const scheduler of ['slurm', 'lsf'] as const) {
    const context = { scheduler };
    const { findings } = analyse(text, context);
    applyFixes(text, findings);
    symbols(text, context);
    convert(text, context);
    formatDirectives(text, context);
    const position = { line: Math.floor(text.split('\n').length / 2), character: 9 };
    hoverAt(text, position, context);
    completionsAt(text, position, context);
  }
}

/** The same of a run config. */
function config(text: string): void {
  const read = readConfig(text);
  if (read.config) crossChecks(read.config);
  const position = { line: Math.floor(text.split('\n').length / 2), character: 3 };
  for (const language of [configLanguage({ clusters: ['icm'] }), clustersLanguage(['memory-without-unit'])]) {
    hoverText(language, text, position);
    proposals(language, text, position);
  }
  const yaml = new YamlText(text);
  void yaml.problems;
  yaml.locate(['fid', 'reference'], 'value');
}

/** Outputs of commands, each given to every reader of its scheduler: a cluster may answer anything. */
function slurm(text: string): void {
  for (const detail of ['lean', 'full'] as const) parseQueue(text, detail);
  parseQueue(text, 'full', '\n');
  parseAccounting(text, sacctFields('22.05.8'));
  parseLoad(text);
  snapshotOf(
    { version: text, partitions: text, nodes: text, config: text, associations: text, defaultAccount: text },
    'now',
  );
  reasonOf(text.slice(0, 200), text.slice(0, 20));
}

function lsf(text: string): void {
  lsfJobs.parseJson(text, '/home/x');
  lsfJobs.parseTable(text, '/home/x');
  lsfJobs.parseLong(text, '/home/x');
  lsfQueues.parseLoad(text, text);
  lsfQueues.snapshotOf({ version: text, queues: text, mine: text, hosts: text, machines: text, identity: text }, 'now');
}

function log(text: string): void {
  for (const line of text.split('\n')) {
    explain(line);
    progressOf(line);
  }
  readCalibration(text);
}

/** The readers of texts. */
export const TEXTS: readonly Reader[] = [
  textReader(
    'script',
    scripts,
    ['#SBATCH ', '#BSUB ', '--gres=gpu:4', '<<EOF', '\\', '$(', '`', '--wrap="', '-R "span['],
    script,
  ),
  textReader('config', CONFIGS, CONFIG_WORDS, config),
  textReader('clusters', CLUSTERS, [...CONFIG_WORDS, 'host: -x', 'setup: {a: b}'], readProfiles),
  textReader('ssh-config', SSH, SSH_WORDS, (text, folder) => {
    const file = path.join(folder, 'ssh_config');
    writeFileSync(file, text);
    sshSettings('icm', { file, home: folder, environment: {} });
  }),
  textReader('slurm-output', outputs('slurm'), OUTPUT_WORDS, slurm),
  textReader('lsf-output', outputs('lsf'), OUTPUT_WORDS, lsf),
  textReader('log', LOGS, ['it/s]', '\r', '%|', '[00:00<?', 'nan'], log),
  textReader('history', [RECORDS], ['<<<<<<< HEAD\n', '{', '"', '\\u0000', '1e400'], async (text, folder) => {
    mkdirSync(path.join(folder, '.edm-workbench'), { recursive: true });
    writeFileSync(path.join(folder, '.edm-workbench', 'history.jsonl'), text);
    await readHistory(folder);
  }),
];
