/** What ssh asks by SSH_ASKPASS, put to the user in the words of our other logins. Pure, but for the asking. */
import type { AskpassQuestion } from './askpass-server';
import type { Prompter } from '../ssh/prompter';

/** A question as it is understood. */
export type Understood =
  /** Whether an unknown key is to be trusted; answered with `yes` or `no`. */
  | { kind: 'host-key'; host: string; port: number; algorithm: string; fingerprint: string }
  /** Something to do now, which needs no answer: touch a security key. */
  | { kind: 'notice'; text: string }
  /** Yes or no. */
  | { kind: 'confirm'; text: string }
  /** What belongs to a key, not to the host: a passphrase, a PIN. */
  | { kind: 'key'; text: string; retry: string }
  /** A password, a one-time code, or whatever the server asks for; `host` where ssh names it. */
  | { kind: 'answer'; text: string; host?: string };

/** Questions of OpenSSH 8.4 to 10 (readpass.c, sshconnect.c, sshconnect2.c), the first that fits. */
const KINDS: readonly { pattern: RegExp; read: (match: RegExpExecArray, text: string) => Understood | undefined }[] = [
  {
    pattern: /^The authenticity of host '([^']*)' can't be established/,
    read: ([, place = ''], text) => {
      const [, bracketed, port] = /^\[([^\]]+)\]:(\d+)/.exec(place) ?? [];
      const [, algorithm, fingerprint] = /^(\S+) key fingerprint is:? ((?:SHA256|MD5):\S+?)\.?$/m.exec(text) ?? [];
      if (algorithm === undefined || fingerprint === undefined) return undefined;
      return {
        kind: 'host-key',
        host: bracketed ?? place.split(' ')[0] ?? '',
        port: Number(port ?? 22),
        algorithm,
        fingerprint,
      };
    },
  },
  {
    pattern: /^Enter passphrase for (?:key )?'?(.+?)'?: ?$/,
    read: ([, file]) => ({
      kind: 'key',
      text: `Passphrase of the key ${file}: `,
      retry: 'That was not the passphrase: try again',
    }),
  },
  {
    pattern: /^Enter PIN for (?:\S+ key )?'?(.+?)'?: ?$/,
    read: ([, what]) => ({
      kind: 'key',
      text: `PIN of your security key, for ${what}: `,
      retry: 'That was not the PIN: try again, it locks itself after some wrong ones',
    }),
  },
  // Since 8.8 ssh writes before a server's question who is asked by which host.
  { pattern: /^\((?:.*@)?([^\s()@]+)\) ([^]+)$/, read: ([, host, text = '']) => ({ kind: 'answer', text, host }) },
  { pattern: /^.*@([^\s'@]+)'s password: ?$/, read: ([text, host]) => ({ kind: 'answer', text, host }) },
];

/** What a question is. */
export function understand({ text, hint }: AskpassQuestion): Understood {
  if (hint === 'none') {
    const key = /^Confirm user presence for key (.+)$/s.exec(text)?.[1]?.trim();
    return { kind: 'notice', text: key === undefined ? text : `Touch your security key now (${key})` };
  }
  if (hint === 'confirm') return { kind: 'confirm', text };
  for (const { pattern, read } of KINDS) {
    const match = pattern.exec(text);
    const understood = match && read(match, text);
    if (understood) return understood;
  }
  return { kind: 'answer', text };
}

/** The questions of one login, and what was answered. */
export class Questions {
  private instruction: string[] = [];
  private readonly asked = new Set<string>();
  /** Answers that the server refused. */
  refused = 0;
  /** Whether the user had to answer more than what belongs to a key. */
  wasAsked = false;

  /** @param cluster as prompts name it @param role the host as messages name it @param names as ssh may call it */
  constructor(
    private readonly cluster: string,
    private readonly role: string,
    private readonly names: readonly string[],
  ) {}

  /** A line that ssh has printed: it goes with the next question, as a server's instruction. */
  heard(line: string): void {
    this.instruction.push(line);
  }

  /** What is asked for, as an error names it. */
  static nameOf(question: Understood): string {
    return question.kind === 'host-key'
      ? 'whether its unknown host key is right'
      : question.text.trim().replace(/:$/, '');
  }

  /** @returns undefined where the user gave up */
  async put(question: Understood, who: Prompter): Promise<string | undefined> {
    switch (question.kind) {
      case 'host-key': {
        const { host, port, algorithm, fingerprint } = question;
        return (await who.hostKey({ host, port, algorithm, fingerprint })) ? 'yes' : undefined;
      }
      case 'notice':
        who.notice?.(question.text);
        return '';
      case 'confirm': {
        const said = await this.prompt(`${question.text.trim()} (yes/no) `, true, who);
        return /^y(es)?$/i.test(said ?? '') ? 'yes' : undefined;
      }
      case 'key':
        return this.prompt(question.text, false, who, question.retry);
      case 'answer':
        this.wasAsked = true;
        return this.prompt(question.text, false, who, 'That was not right: try again', question.host ?? '');
    }
  }

  private async prompt(
    text: string,
    echo: boolean,
    who: Prompter,
    retry?: string,
    host?: string,
  ): Promise<string | undefined> {
    const isAgain = this.asked.has(text);
    if (isAgain && retry !== undefined) this.refused++;
    this.asked.add(text);
    const instruction = this.instruction.join('\n');
    this.instruction = [];
    const answers = await who.prompt({
      cluster: this.cluster,
      // A ProxyCommand may lead through another ssh, which asks for itself.
      host:
        host === undefined || host === '' || this.names.includes(host) ? (host === undefined ? '' : this.role) : host,
      instruction,
      prompts: [{ text, echo }],
      ...(isAgain && retry !== undefined && { retry }),
    });
    return answers?.[0];
  }
}
