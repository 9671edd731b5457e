/**
 * Records what a real Slurm answers to the adapter, for test/unit/slurm-versions.test.ts:
 *
 *     npx tsx test/cluster/record-outputs.ts bullseye|bookworm|trixie|sid
 *
 * The suite of Debian decides the version. It is brought once into the temporary folder, from where this machine's
 * own apt takes its packages; the test bed runs in it. Needs root, debootstrap and what the test bed needs.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { slurmOptions } from '../../server/scripts/catalogue/slurm-options';
import { Slurm } from '../../server/cluster/slurm/slurm';
import { bedHost, TestBed, type BedOptions } from './bed';
import { until } from '../until';
import { askEverything, askWithoutAccounting, type Stage } from './questions';
import { RecordingHost, type Exchange, type Recording } from './recording';

const PACKAGES = 'slurm-wlm slurmdbd munge mariadb-server openssh-server iproute2 procps bc'.split(' ');
const FIXTURES = path.join(__dirname, '..', 'fixtures', 'slurm');

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stdout + stderr}`);
  return stdout;
}

/** A folder with that suite and its Slurm. */
function rootOf(suite: string): string {
  const root = path.join(tmpdir(), `slurm-${suite}`);
  if (existsSync(path.join(root, 'usr/sbin/slurmctld'))) return root;
  const mirror = run('apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Origin: Debian', 'Component: main').split('\n')[0]; // prettier-ignore
  run('debootstrap', '--variant=minbase', suite, root, mirror);
  writeFileSync(path.join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 }); // no daemon is started
  run('chroot', root, 'apt-get', 'install', '-y', '--no-install-recommends', ...PACKAGES);
  return root;
}

/** What sbatch makes of every option of the catalogue and of its own help, given without a script. */
async function optionsOf(bed: TestBed): Promise<Recording['options']> {
  const say = async (...words: string[]): Promise<string> => {
    const { stdout, stderr } = await bed.inCluster(['sbatch', ...words], 'alice', { cwd: '/tmp' });
    return stdout + stderr;
  };
  const help = [...(await say('--help')).matchAll(/^ {2}.{0,6}(--[a-z][a-z0-9-]*)/gm)].map(([, name]) => name);
  const options: Recording['options'] = {};
  for (const name of [...new Set([...help, ...slurmOptions.map((option) => option.name)])].sort()) {
    const alone = await say(name);
    if (/unrecognized|ambiguous/.test(alone)) continue;
    const valued = async (): Promise<boolean> => !/doesn't allow an argument/.test(await say(`${name}=1`));
    options[name] = /requires an argument/.test(alone) ? 'required' : (await valued()) ? 'optional' : 'none';
  }
  return options;
}

async function record<T>(
  options: BedOptions,
  ask: (slurm: Slurm, stage: Stage, bed: TestBed) => Promise<T>,
): Promise<{ exchanges: Exchange[]; answers: T }> {
  const bed = await TestBed.start(options);
  try {
    await bed.inCluster(['sbatch', '--wrap=sleep 600'], 'root'); // another user's
    const kernel = (await bed.inCluster(['uname', '-rv'])).stdout.trim();
    // Of the configuration, what the adapter may read.
    const scrub = (text: string): string =>
      text
        .replaceAll(bed.folder, '/bed')
        .replaceAll('alice', 'user')
        .replaceAll(kernel, '6.1.0')
        .replace(/^(?!ClusterName|EnforcePartLimits|Max)\w+ += .*\n/gm, '');
    const host = new RecordingHost(bedHost(bed, 'alice'), scrub);
    const seen = async (...rows: string[]): Promise<void> => {
      const queue = () => bed.inCluster(['squeue', '-h', '-a', '--states=all', '-o', '%i %T %r']);
      await until(queue, rows.join(), ({ stdout }) => rows.every((row) => `\n${stdout}`.includes(`\n${row}`)));
    };
    const answers = await ask(new Slurm(host), { home: '/home/alice', until: seen }, bed);
    return { exchanges: host.exchanges, answers };
  } finally {
    await bed.stop();
  }
}

async function main(suite: string): Promise<void> {
  const slurmRoot = rootOf(suite);
  const accounting = await record({ slurmRoot }, askEverything);
  const plain = await record({ slurmRoot, accounting: false, enforcePartLimits: 'ALL' }, async (slurm, stage, bed) => {
    await askWithoutAccounting(slurm, stage);
    return optionsOf(bed);
  });
  const lines = (exchanges: readonly Exchange[]): string => exchanges.map((one) => JSON.stringify(one)).join(',\n');
  mkdirSync(FIXTURES, { recursive: true });
  writeFileSync(
    path.join(FIXTURES, `${accounting.answers.version.split('.').slice(0, 2).join('.')}.json`),
    `{"accounting":[\n${lines(accounting.exchanges)}\n],"plain":[\n${lines(plain.exchanges)}\n],"options":${JSON.stringify(plain.answers)}}\n`,
  );
}

void main(process.argv[2]);
