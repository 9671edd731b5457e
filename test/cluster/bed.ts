/** The test bed (test-bed.sh) for tests: a real Slurm behind real ssh servers, and a host inside it without ssh. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CommandFiles } from '../../server/cluster/command-files';
import type { Host, RunOptions, RunOutcome } from '../../server/cluster/host';
import { LocalHost } from '../../server/cluster/local-host';
import { Runner, type OnOutput } from '../../server/cluster/runner';

const SCRIPT = path.join(__dirname, 'test-bed.sh');

/** Accounts of the bed and what they are for: see test-bed.sh. */
export type BedUser = 'root' | 'alice' | 'bob' | 'keyonly' | 'cshuser' | 'fishuser';

const UIDS: Record<BedUser, number> = {
  root: 0,
  alice: 60001,
  bob: 60002,
  keyonly: 60003,
  cshuser: 60004,
  fishuser: 60005,
};

export interface BedOptions {
  /** Accounting by slurmdbd; without it the bed starts 3 s sooner. Default true. */
  accounting?: boolean;
  /** Slurm's EnforcePartLimits. Default NO. */
  enforcePartLimits?: 'NO' | 'ANY' | 'ALL';
  /** Folder with a Debian that has another Slurm: the cluster lives in it. Default: this machine's own. */
  slurmRoot?: string;
}

/** A running bed. It ends with `stop`, or with this process however that ends. */
export class TestBed {
  private constructor(
    /** Folder of the bed: keys in client/, logs in log/, homes in home/. */
    readonly folder: string,
    /** Port of the jump host on 127.0.0.1. */
    readonly port: number,
    private readonly starter: ChildProcess,
    /** Process whose namespaces are the cluster's. */
    private readonly pid: string,
  ) {}

  /**
   * Starts a bed of its own: 5 s, 2 s without accounting. Needs root and the packages of tools/cluster.mjs.
   * @throws Error with what the script said
   */
  static async start(options: BedOptions = {}): Promise<TestBed> {
    const { accounting = true, enforcePartLimits = 'NO', slurmRoot = '' } = options;
    const folder = mkdtempSync(path.join(os.tmpdir(), 'edm-bed-'));
    chmodSync(folder, 0o755); // the accounts inside live in it
    const port = await freePort();
    const starter = spawn(SCRIPT, ['start', folder], {
      env: {
        ...process.env,
        LOGIN_PORT: String(port),
        WITH_DBD: accounting ? '1' : '0',
        ENFORCE_PART_LIMITS: enforcePartLimits,
        SLURM_ROOT: slurmRoot,
        OWNER_FD: '3', // the bed ends when this process does
      },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [starter.stdout, starter.stderr])
      stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const code = await new Promise((resolve, reject) => starter.on('error', reject).on('exit', resolve));
    if (code !== 0) {
      rmSync(folder, { recursive: true, force: true });
      throw new Error(`The test bed did not start: ${said}`);
    }
    const owner = starter.stdio[3];
    if (owner instanceof net.Socket) owner.unref();
    return new TestBed(folder, port, starter, readFileSync(path.join(folder, 'net-pid'), 'utf8').trim());
  }

  /** Ends everything inside and removes the folder. */
  stop(): Promise<void> {
    spawnSync(SCRIPT, ['stop', this.folder], { stdio: 'ignore' });
    this.starter.stdio[3]?.destroy();
    rmSync(this.folder, { recursive: true, force: true });
    return Promise.resolve();
  }

  /** Absolute path of a file of the bed, e.g. `client/id_ed25519` or `home/alice/x`. */
  file(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  /**
   * The ssh configuration of somebody on this machine: `login` is the jump host, `inner` the cluster behind it.
   * @param options `identity` names a key of the bed, `more` are further lines for all hosts
   */
  sshConfig(
    user: string,
    { identity = 'id_ed25519', knownHosts = this.file('client', 'known_hosts'), more = [] as readonly string[] } = {},
  ): string {
    const all = [
      `User ${user}`,
      `IdentityFile ${this.file('client', identity)}`,
      'IdentitiesOnly yes',
      'IdentityAgent none',
      `UserKnownHostsFile ${knownHosts}`,
      ...more,
    ];
    const login = `Host login\n  HostName 127.0.0.1\n  Port ${this.port}\n`;
    const inner = 'Host inner\n  HostName cluster\n  ProxyJump login\n';
    return `${login}${inner}Host *\n${all.map((line) => `  ${line}\n`).join('')}`;
  }

  /** Writes that where ssh looks for it in a home folder. */
  giveSshConfig(home: string, user: string, options?: Parameters<TestBed['sshConfig']>[1]): void {
    mkdirSync(path.join(home, '.ssh'), { recursive: true, mode: 0o700 });
    writeFileSync(path.join(home, '.ssh', 'config'), this.sshConfig(user, options));
  }

  /** The words before a command that bring it into the cluster's namespaces as a user with a login's environment. */
  inside(user: BedUser, cwd?: string): string[] {
    const home = user === 'root' ? '/root' : `/home/${user}`;
    const id = String(UIDS[user]);
    const nsenter = [
      'nsenter',
      '-t',
      this.pid,
      '-m',
      '-p',
      '-n',
      '-u',
      '-r',
      '-S',
      id,
      '-G',
      id,
      `--wdns=${cwd ?? home}`,
    ];
    const env = ['env', '-i', `HOME=${home}`, `USER=${user}`, `LOGNAME=${user}`, 'SHELL=/bin/bash', 'LANG=C.UTF-8'];
    return [...nsenter, '--', ...env, 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
  }

  /** Runs a command inside: `bed.inCluster(['sinfo'])` as root, `bed.inCluster(['squeue'], 'alice')` as a user. */
  inCluster(command: readonly string[], user: BedUser = 'root', options?: RunOptions): Promise<RunOutcome> {
    return bedHost(this, user).run(command, options);
  }

  /** The one-time password that is valid now (RFC 6238). `stepsAgo` gives one of so many half minutes ago. */
  otp(user: 'alice' | 'bob', stepsAgo = 0): string {
    const secret = base32(readFileSync(this.file('client', `otp-${user}`), 'utf8').trim());
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) - stepsAgo));
    const digest = createHmac('sha1', secret).update(counter).digest();
    const offset = digest[19] & 15;
    return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  }

  /** Kills the processes that serve a user's ssh connections on one of the two hosts. @returns how many there were */
  async cut(user: BedUser, server: 'sshd-login' | 'sshd-cluster'): Promise<number> {
    const { stdout } = await this.inCluster(['pgrep', '-u', String(UIDS[user]), '-x', server]);
    const pids = stdout.split('\n').filter(Boolean);
    if (pids.length > 0) await this.inCluster(['kill', '-KILL', ...pids]);
    return pids.length;
  }
}

class BedHost extends Runner {
  readonly name: string;
  readonly files: CommandFiles;
  private readonly outside = new LocalHost();

  constructor(
    private readonly bed: TestBed,
    private readonly user: BedUser,
  ) {
    super();
    this.name = `test bed as ${user}`;
    this.files = new CommandFiles(this);
  }

  protected override execute(
    command: readonly string[],
    onOutput: OnOutput,
    { stdin, cwd, env = {} }: Pick<RunOptions, 'stdin' | 'cwd' | 'env'>,
    signal: AbortSignal,
  ): Promise<number> {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return this.outside.stream([...this.bed.inside(this.user, cwd), ...variables, ...command], onOutput, {
      stdin,
      signal,
    });
  }
}

/** A host whose programs run inside the bed as that user, without ssh in between. */
export function bedHost(bed: TestBed, user: BedUser): Host {
  return new BedHost(bed, user);
}

function base32(text: string): Buffer {
  const bits = [...text.replace(/=+$/, '')]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}

/** A port of the loopback that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
