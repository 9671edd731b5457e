/** A ControlMaster of our own: an ssh that logs in, keeps the connection, and ends with this process however that ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, messageOf, UserError } from '../../errors';
import { durationText } from '../../shared/progress';
import { quoteCommand } from '../quote';
import { NeedsUserError } from '../ssh/authentication';
import type { LoginOptions } from '../ssh/login';
import { AskpassServer, type AskpassQuestion } from './askpass-server';
import { Questions, understand } from './questions';
import { failedLogin } from './refusals';
import type { SshConfiguration, SshProgram } from './ssh-program';

/** Milliseconds between two looks whether the connection is there. */
const LOOK_EVERY = 30;
/** Seconds until a connection is given up, and between two signs of life, where the configuration says nothing. */
const USUAL = { connect: 20, alive: 30 };
/** Seconds that a server may take to judge a key or an answer: somebody may have to approve it on a phone. */
const JUDGEMENT = 300;
/** The longest folder for a socket, in bytes: ssh puts 18 more after its name while it makes it, and some systems take 104. */
const LONGEST_FOLDER = 70;
/** Characters of ssh's own words that are kept. */
const KEPT = 16_384;

/** Remarks of ssh that are no instruction of the server: what is asked again is asked with a word of ours. */
const OWN_REMARK = /^(?:Permission denied, please try again|Warning: Permanently added )/;

/**
 * Runs a program until standard input is closed: ssh would outlive a process of ours that was killed. What is left in the
 * folder, its first argument, goes with it.
 */
const UNTIL_CLOSED = `folder=$1; shift
exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill "$child"; } >/dev/null 2>&1 &
watch=$!
exec 3<&-
trap 'kill "$child" 2>/dev/null' TERM INT HUP
wait "$child"; code=$?
kill "$watch" 2>/dev/null
rm -f "$folder"/*; rmdir "$folder" 2>/dev/null
exit "$code"`;

/** How a host is reached. */
export interface MasterTarget {
  ssh: SshProgram;
  configuration: SshConfiguration;
  /** The host as messages name it. */
  role: string;
  /** The jump host: the socket of its master, and ssh's arguments that lead there. */
  through?: { socket: string; target: readonly string[] };
}

export class Master {
  /** Its socket. */
  readonly socket: string;
  private readonly questions: Questions;
  private readonly ended: Promise<number | string>;
  private said = '';
  /** The beginning of a line that ssh has not printed whole. */
  private rest = '';
  /** Why the login fails; the first reason counts. */
  private reason?: Error;
  /** Questions that the user has not answered yet. */
  private pending = 0;
  private isEnded = false;

  private constructor(
    private readonly to: MasterTarget,
    private readonly options: LoginOptions,
    private readonly folder: string,
    private readonly child: ChildProcess,
    private readonly askpass: AskpassServer,
  ) {
    const { configuration, role } = to;
    this.socket = socketIn(folder);
    const names = [configuration.alias, configuration.first('hostname') ?? ''];
    this.questions = new Questions(options.cluster, role, names);
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(messageOf(error)));
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'a signal'));
    });
    void this.ended.then(() => this.end());
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.heard(text));
  }

  /**
   * Logs in.
   * @throws UserError saying what was refused; NeedsUserError, CancelledError
   */
  static async start(to: MasterTarget, options: LoginOptions): Promise<Master> {
    const folder = await privateFolder();
    try {
      // ssh asks nothing before it is started.
      const askpass = await AskpassServer.listen(folder, (question, gone) => master.answer(question, gone));
      const line = ['-c', UNTIL_CLOSED, 'sh', folder, to.ssh.path, ...argumentsOf(to, socketIn(folder))];
      const env: NodeJS.ProcessEnv = { ...(options.files?.environment ?? process.env) };
      Object.assign(env, { SSH_ASKPASS: askpass.program, SSH_ASKPASS_REQUIRE: 'force' });
      const child = spawn('/bin/sh', line, { cwd: '/', env, stdio: ['pipe', 'ignore', 'pipe'] });
      child.stdin.on('error', () => undefined); // it may have ended
      const master = new Master(to, options, folder, child, askpass);
      await master.loggedIn();
      return master;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Whether the user had to answer more than what belongs to a key. */
  get wasAsked(): boolean {
    return this.questions.wasAsked;
  }

  private async loggedIn(): Promise<void> {
    let code: number | string | undefined;
    void this.ended.then((how) => (code = how));
    const patience = (this.to.configuration.number('connecttimeout', USUAL.connect) + JUDGEMENT) * 1000;
    let since = Date.now();
    for (;;) {
      if (this.reason) this.end();
      if (code !== undefined) throw this.reason ?? this.failure(code);
      // ssh makes the socket once it is logged in.
      if (existsSync(this.socket) && !this.reason) return;
      if (this.pending > 0) since = Date.now(); // the user may think as long as the server waits
      if (Date.now() - since > patience)
        this.fail(
          new UserError(
            `${this.to.role} did not complete the login in ${durationText(patience / 1000)}: if it waits for an approval, e.g. on your phone, give it and connect again`,
            1,
          ),
        );
      await sleep(LOOK_EVERY);
    }
  }

  private failure(code: number | string): Error {
    const { role, configuration } = this.to;
    const { refused, wasAsked } = this.questions;
    const user = configuration.first('user') ?? '';
    return failedLogin(this.said, code, { role, user, refused: refused + 1, wasAsked });
  }

  private fail(error: Error): void {
    this.reason ??= error;
    this.end();
  }

  private heard(text: string): void {
    if (this.isEnded) return; // a master that is left mid-way may say so
    this.said = (this.said + text).slice(-KEPT);
    const lines = (this.rest + text).split(/\r?\n/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      if (!OWN_REMARK.test(line)) this.questions.heard(line);
      this.options.log(`${this.to.role}: ${line}`);
    }
  }

  private async answer(question: AskpassQuestion, gone: AbortSignal): Promise<string | undefined> {
    const { prompter } = this.options;
    const understood = understand(question);
    if (!prompter) {
      const what = Questions.nameOf(understood);
      this.fail(new NeedsUserError(`${this.to.role} asks for ${what}: connect again`, 1));
      return undefined;
    }
    this.pending++;
    try {
      const said = await this.questions.put(understood, prompter);
      if (said === undefined) this.fail(new CancelledError());
      // Nothing is to be answered to a notice: ssh ends the program that shows it.
      if (understood.kind === 'notice' && !gone.aborted)
        await new Promise<void>((resolve) => gone.addEventListener('abort', () => resolve(), { once: true }));
      return said;
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    } finally {
      this.pending--;
    }
  }

  /** Logs out. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.askpass.close();
    this.child.stdin?.destroy();
    this.child.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const socketIn = (folder: string): string => path.join(folder, 'm');

/** A folder that only this user can enter, whose path leaves room for a socket. */
async function privateFolder(): Promise<string> {
  const [first, second] = [os.tmpdir(), '/tmp'];
  const base = Buffer.byteLength(first) <= LONGEST_FOLDER ? first : second;
  try {
    return await mkdtemp(path.join(base, 'edmw-')); // of mode 0700
  } catch (error) {
    throw new UserError(`Cannot make a folder for ssh's socket in ${base}: ${messageOf(error)}`, 1);
  }
}

/** All that is said to ssh; what the user's configuration says about these is for a terminal, not for a connection that is shared. */
function argumentsOf({ ssh, configuration, through }: MasterTarget, socket: string): string[] {
  const set: Record<string, string> = {
    ControlPersist: 'no',
    BatchMode: 'no',
    ExitOnForwardFailure: 'no',
    PermitLocalCommand: 'no',
    RemoteCommand: 'none',
    LogLevel: 'INFO',
    ConnectTimeout: String(configuration.number('connecttimeout', USUAL.connect)),
  };
  // Without signs of life a connection that is lost is found out when somebody waits for it.
  if (configuration.number('serveraliveinterval', 0) === 0) set.ServerAliveInterval = String(USUAL.alive);
  // Only where it is switched on: older releases do not know it.
  if (configuration.isYes('forkafterauthentication')) set.ForkAfterAuthentication = 'no';
  if (through) {
    // Where that master is gone this ssh must not connect by itself, which could ask.
    const line = [ssh.path, '-S', through.socket, ...['ControlMaster=no', 'BatchMode=yes', 'ProxyCommand=false'].flatMap((one) => ['-o', one])]; // prettier-ignore
    const words = quoteCommand([...line, '-W', 'EDM_PLACE', ...through.target]);
    set.ProxyCommand = words.replaceAll('%', '%%').replace('EDM_PLACE', "'[%h]:%p'");
  }
  const options = Object.entries(set).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-M', '-N', '-T', '-x', '-S', socket, ...options, ...configuration.target];
}
