/** Logins by way of holders: whoever needs one first starts its holder, and answers what the host asks; the others share it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '../../errors';
import { ConnectionLostError } from '../host';
import type { ClusterConnection } from '../ssh/connection';
import type { HeldRoute, LoginOptions, Route, RouteSource } from '../ssh/login';
import type { Prompter } from '../ssh/prompter';
import { configurationFor, logInBy, type Transport } from '../transport';
import { callHolder, type HolderLink } from './holder-link';
import { errorOf, failureOf, type FromHolder, type Question, type ToHolder } from './holder-messages';
import { allHolders, holderPlace, programVersion, type HolderPlace } from './holder-place';
import { startHolder } from './holder-start';

/** How logins are kept. */
export interface Keeping {
  /** Seconds for which an unused login is kept. */
  idle: number;
  /** Tells the user a line that they would not see in the log. */
  tell: (line: string) => void;
  /** How the host is connected to. */
  transport: Transport;
}

/** Command lines from this length on are sent ahead: one message of ssh2 has 32 KiB at most. */
const LONG_LINE = 16_000;
/** How often a holder that should be there is called. */
const CALLS = 20;
/** Milliseconds between two calls. */
const PAUSE = 100;

/** Routes by way of holders; where none can be used, by a login of this process, as told. */
export function heldLogins(keeping: Keeping): RouteSource {
  return async (destination, options, mayBegin, standing) => {
    const { transport, tell } = keeping;
    // What is wrong with ssh's configuration is told before anything is started.
    const settings = await configurationFor(transport, destination, options.files);
    for (let calls = 1; ; calls++) {
      let call: Call;
      try {
        const place = await holderPlace(destination, settings);
        call = await callOrStart(place, destination, options, { mayBegin, tell, transport });
      } catch (error) {
        if (error instanceof ConnectionLostError) throw error;
        tell(`This login is not kept for other windows and commands: ${messageOf(error)}`);
        return logInBy(transport)(destination, options, mayBegin, standing);
      }
      try {
        return await call.open(destination, options, keeping.idle);
      } catch (error) {
        // It may have been about to end, being idle. Nobody is asked twice.
        if (!(error instanceof HolderGoneError) || call.hasAsked || calls === CALLS) throw error;
      }
    }
  };
}

/** The holder has ended before the login was made. */
class HolderGoneError extends UserError {}

async function callOrStart(
  place: HolderPlace,
  destination: string,
  options: LoginOptions,
  { mayBegin, tell, transport }: { mayBegin: boolean } & Pick<Keeping, 'tell' | 'transport'>,
): Promise<Call> {
  const standing = await Call.to(place, options, tell);
  if (standing) return standing;
  if (!mayBegin) throw new ConnectionLostError(`Not connected to ${destination}: connect first`);
  await tellOfOthers(place, destination, tell);
  const { cluster, files = {} } = options;
  await startHolder({ place, destination, cluster, files, transport });
  for (let calls = 0; calls < CALLS; calls++) {
    const started = await Call.to(place, options, tell);
    if (started) return started;
    await sleep(PAUSE);
  }
  throw new UserError('what should keep it cannot be called', 1);
}

/** Logins of another version, or with other settings of ssh, are left to those that use them. */
async function tellOfOthers(place: HolderPlace, destination: string, tell: Keeping['tell']): Promise<void> {
  for (const { place: other, facts } of await allHolders()) {
    if (facts.destination !== destination || other.id === place.id) continue;
    if (!(await Call.to(other).then((call) => call?.hangUp()))) continue;
    const why =
      facts.version === programVersion()
        ? 'it was made with other settings of ssh'
        : `version ${facts.version} has made it`;
    tell(
      `A login to ${destination} stands and is not used: ${why}. It ends when it is idle, or by "edm-workbench logout"`,
    );
  }
}

/** Ends all logins, or those to some hosts, whichever version has made them. @returns the hosts, and what did not end */
export async function logOut(destinations?: readonly string[]): Promise<{ ended: string[]; failed: string[] }> {
  const ended: string[] = [];
  const failed: string[] = [];
  for (const { place, facts } of await allHolders()) {
    if (destinations && !destinations.includes(facts.destination)) continue;
    try {
      const call = await Call.to(place);
      if (!call) continue; // it has ended without a word
      await call.end();
      ended.push(facts.destination);
    } catch (error) {
      failed.push(`${facts.destination}: ${messageOf(error)}. Its process is ${facts.pid}`);
    }
  }
  return { ended, failed };
}

/** What the login of a connection is kept for, in ms since 1970; undefined where this process has it alone. */
export function keptUntil(connection: Pick<ClusterConnection, 'held'>): number | undefined {
  return connection.held?.until;
}

/** One call of a holder. */
class Call {
  private link!: HolderLink;
  private isLoggedOut = false;
  private refusal: string | undefined;
  private lines = 0;
  /** Whether somebody had to answer something. */
  hasAsked = false;
  private settle?: {
    opened: (message: Extract<FromHolder, { kind: 'opened' }>) => void;
    failed: (error: Error) => void;
  };

  private constructor(
    private readonly options: Partial<LoginOptions>,
    private readonly tell: Keeping['tell'],
  ) {}

  /** @returns undefined where nobody is there @throws as `callHolder` */
  static async to(
    place: HolderPlace,
    options: Partial<LoginOptions> = {},
    tell: Keeping['tell'] = () => undefined,
  ): Promise<Call | undefined> {
    const call = new Call(options, tell);
    const link = await callHolder(place, (message) => call.receive(message));
    if (!link) return undefined;
    call.link = link;
    return call;
  }

  /** Asks for the login, which may take as long as the user takes to answer. */
  async open(destination: string, options: LoginOptions, idle: number): Promise<Route> {
    const { client } = this.link;
    const { prompter, files } = options;
    const agent = (files?.environment ?? process.env).SSH_AUTH_SOCK;
    try {
      const { asked, until, by } = await new Promise<Extract<FromHolder, { kind: 'opened' }>>((resolve, reject) => {
        this.settle = { opened: resolve, failed: reject };
        client.once('close', () =>
          reject(new HolderGoneError(`The process that was logging in to ${destination} has ended: connect again`, 1)),
        );
        this.link.send({ kind: 'open', mayPrompt: prompter !== undefined, agent, idle });
      });
      // Ports are forwarded by the holder's own connection, once for all.
      return { client, localForwards: [], asked, held: this.route(until), ...(by !== undefined && { by }) };
    } catch (error) {
      client.end();
      throw error;
    }
  }

  private route(until: number): HeldRoute {
    return {
      until,
      isLoggedOut: () => this.isLoggedOut,
      takeRefusal: () => {
        const { refusal } = this;
        this.refusal = undefined;
        return refusal;
      },
      shorten: (line) => {
        if (line.length < LONG_LINE) return line;
        this.link.send({ kind: 'line', number: ++this.lines, line });
        return `\0${this.lines}`;
      },
    };
  }

  /** @returns true */
  hangUp(): boolean {
    this.link.client.end();
    return true;
  }

  /** Logs out, and waits until that is done. */
  async end(): Promise<void> {
    const { client } = this.link;
    const closed = new Promise<void>((resolve) => client.once('close', resolve));
    this.link.send({ kind: 'end' } satisfies ToHolder);
    await closed;
  }

  private receive(message: FromHolder): void {
    switch (message.kind) {
      case 'ask':
        return void this.answer(message.number, message.question);
      case 'log':
        return this.options.log?.(message.line);
      case 'tell':
        return this.tell(message.line);
      case 'opened':
        return this.settle?.opened(message);
      case 'failed':
        return this.settle?.failed(errorOf(message.failure));
      case 'refused':
        this.refusal = message.message;
        return;
      case 'ended':
        this.isLoggedOut = true;
        return;
    }
  }

  private async answer(to: number, question: Question): Promise<void> {
    const { prompter } = this.options;
    if (!prompter) return;
    this.hasAsked = true;
    try {
      this.link.send({ kind: 'answer', to, value: await answerOf(prompter, question) });
    } catch (error) {
      this.link.send({ kind: 'answer', to, failure: failureOf(error) });
    }
  }
}

function answerOf(prompter: Prompter, question: Question): Promise<unknown> {
  switch (question.about) {
    case 'prompt':
      return prompter.prompt(question.params);
    case 'hostKey':
      return prompter.hostKey(question.params);
    case 'secret':
      return prompter.secret(question.params);
  }
}
