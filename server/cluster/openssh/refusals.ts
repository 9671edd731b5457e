/** What ssh says when a login fails, in the words of our other logins. Pure. */
import { UserError } from '../../errors';
import { RefusedAnswerError } from '../ssh/authentication';

/** What is known of a login that failed. */
export interface FailedLogin {
  /** The host as messages name it. */
  role: string;
  user: string;
  /** How many answers of the user were refused. */
  refused: number;
  /** Whether the user gave any. */
  wasAsked: boolean;
}

/** Lines of OpenSSH (sshconnect.c, sshconnect2.c, ssh_connect_direct), the first that fits. */
const WORDS: readonly {
  pattern: RegExp;
  say: (match: RegExpExecArray, login: FailedLogin, said: string) => string | Error;
}[] = [
  {
    pattern: /Offending (\S+) key in (\S+:\d+)/,
    say: ([text, type, where], { role }, said) => {
      if (!said.includes('REMOTE HOST IDENTIFICATION HAS CHANGED')) return text;
      const print = /\b((?:SHA256|MD5):[\w+/:]+)/.exec(said)?.[1] ?? '';
      return `THE HOST KEY OF ${role} HAS CHANGED: it is ${type} ${print}, but ${where} says otherwise. Somebody may be listening: ask the site, and only then remove that line`;
    },
  },
  {
    pattern: /Host key verification failed/,
    say: (_, { role }) =>
      `The host key of ${role} is not known, or not to be trusted: connect once with ssh, or add it`,
  },
  {
    pattern: /Permission denied \(([^)]*)\)/,
    say: ([, takes = ''], { role, user, refused, wasAsked }) => {
      if (!wasAsked)
        return `${role} refuses ${user}: none of your keys was accepted (it takes ${takes.split(',').join(', ')})`;
      const times = refused <= 1 ? 'once' : `${refused} times`;
      return new RefusedAnswerError(
        `${role} refused the answers given (${times}): connect again when you have the right ones`,
        1,
      );
    },
  },
  {
    pattern: /Could not resolve hostname (\S+): (.*)/,
    say: ([, host, why], { role }) => `Cannot reach ${role}: ${host}: ${why}`,
  },
  {
    pattern: /connect to host (\S+) port (\d+): (.*)/,
    say: ([, host, port, why], { role }) => `Cannot reach ${role} (${host}:${port}): ${why}`,
  },
  {
    pattern: /Too many authentication failures/,
    say: (_, { role }) =>
      `${role} ended the login after too many keys or answers: name the right key by IdentityFile, with IdentitiesOnly yes`,
  },
  {
    pattern: /ssh_askpass: exec\(.*?\): (.*)/,
    say: ([, why]) =>
      `ssh cannot start our program that asks you: ${why}. Set TMPDIR to a folder where programs may run`,
  },
];

/** Why a login failed. @param said what ssh printed @param code its exit status, for a ssh that says nothing */
export function failedLogin(said: string, code: number | string, login: FailedLogin): Error {
  for (const { pattern, say } of WORDS) {
    const match = pattern.exec(said);
    if (!match) continue;
    const words = say(match, login, said);
    return typeof words === 'string' ? new UserError(words, 1) : words;
  }
  const last = said.trim().split(/\r?\n/).pop()?.trim();
  return new UserError(`${login.role}: ${last || `ssh ended with ${code} and without a word`}`, 1);
}
