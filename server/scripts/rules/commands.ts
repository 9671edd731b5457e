import type { Script } from '../reading/script';
import type { Assignment, ShellCommand } from '../reading/shell-command';
import type { Span } from '../reading/text';
import type { Word } from '../reading/words';
import { keeping, remove } from './fixes';
import { BOTH, hit, links, type Hit, type Rule } from './rule';

const secretNames = /(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|credential)s?$/i;
const secretShapes =
  /^(?:hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|AKIA[A-Z0-9]{16}|sk-[\w-]{20,}|xox[bp]-[\w-]{10,})$/;

/** Rules about commands of any kind. */
export const commandRules: readonly Rule[] = [
  {
    id: 'broken-continuation',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A backslash that does not continue the line',
    why: 'Nothing may follow the backslash, not even a space. Otherwise the command ends there, and the next line runs as a command of its own.',
    remedy: 'Remove what follows the backslash.',
    link: links.bash,
    fixable: true,
    check: function* ({ shell, text }) {
      for (const { start, end } of shell.brokenContinuations) {
        const rest = { start: start + 1, end };
        const written = text.slice(rest).trim();
        yield hit({ start, end }, `${written ? `"${written}"` : 'A space'} after the backslash ends the command here`, {
          fix: cannotRun(text, end, written)
            ? keeping(remove(rest, 'Remove what follows the backslash'))
            : remove(rest, 'Remove what follows the backslash'),
        });
      }
    },
  },
  {
    id: 'network-url',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A download on nodes without internet access',
    why: 'The nodes of this cluster have no internet access: the program fails when it opens the address.',
    remedy: 'Download the file on the login node and use the local path.',
    link: links.edm,
    fixable: false,
    needsCluster: true,
    check: function* (script) {
      if (script.cluster?.nodesOnline !== false) return;
      for (const command of script.shell.commands) yield* downloads(command);
      yield* detectorDownloads(script);
    },
  },
  {
    id: 'secret-in-script',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A secret in the script',
    why: 'Scripts are committed, copied and kept by the scheduler, where administrators and often other users can read them.',
    remedy:
      'Read it from a file that only you can read: `export WANDB_API_KEY=$(cat ~/.wandb-key)`. Replace the secret, because it is no longer secret.',
    link: links.bash,
    fixable: false,
    check: function* (script) {
      const { text } = script;
      yield* secretsIn(script);
      const key = script.inLines(namesKey).length ? privateKey.exec(text.text) : null;
      if (key) yield hit({ start: key.index, end: key.index + key[0].length }, 'The script contains a private key');
    },
  },
];

/** Whether the lines cannot mean anything as they stand: an arrow is no code, and no command begins with a dash. */
function cannotRun({ text }: Script['text'], end: number, written: string): boolean {
  const next = /^\r?\n[ \t]*(\S?)/.exec(text.slice(end, end + 200))?.[1] ?? '';
  return next !== '' && (next === '-' || /^<-{2,}/.test(written));
}

/** What a command downloads, by the addresses it names or because installing does. */
function* downloads({ words }: ShellCommand): Generator<Hit> {
  const [program, action] = words;
  if (!program || program.text === 'echo' || program.text === 'printf') return;
  for (const word of words) {
    const found = /(?:https?|ftp|docker|library|oras|shub):\/\/[^\s"']+/.exec(word.raw);
    if (!found || /:\/\/(?:localhost|127\.0\.0\.1|\[::1\])/.test(found[0])) continue;
    const start = word.start + found.index;
    yield hit({ start, end: start + found[0].length }, 'Compute nodes of this cluster have no internet access');
  }
  if (
    action &&
    /^(?:pip3?|conda|wget|curl)$/.test(program.text ?? '') &&
    /^(?:install|create|update)$/.test(action.text ?? '') &&
    !words.some(({ raw }) => raw.includes('://') || raw === '--no-index' || raw === '--offline')
  )
    yield hit(
      { start: program.start, end: action.end },
      `${program.text} ${action.text} downloads files, but compute nodes of this cluster have no internet access`,
    );
}

/** fid.py downloads its detector: no address is in the script, and a run on the login node may have filled the cache. */
function* detectorDownloads(script: Script): Generator<Hit> {
  if (script.text.text.includes('DNNLIB_CACHE_DIR')) return;
  for (const { name, operands } of script.running('fid.py'))
    if (operands[0]?.text === 'calc' || operands[0]?.text === 'ref')
      yield hit(name, 'fid.py downloads the Inception-v3 network unless it is in ~/.cache/dnnlib', {
        severity: 'info',
        remedy: 'Run it once on the login node, or set DNNLIB_CACHE_DIR to a folder that contains the network.',
      });
}

/** Numbers, also `300_000`, `4k` and `1e6`; names of variables and of settings. */
const plainValue =
  /^(?:[\d_.,:+-]+(?:e\d+)?[a-z]{0,2}|x+|changeme|none|null|true|false|yes|no|on|off|auto|default|your.*)$/i;

function isSecret(name: string, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (secretShapes.test(value)) return true;
  if (value.length < 6 || !secretNames.test(name) || /^[~/.]|[<>{}*\s]|\.\w{1,4}$/.test(value) || plainValue.test(value)) return false; // prettier-ignore
  // A token may also be a piece of text: what lets people in has letters and digits, and is long.
  return !/token/i.test(name) || (value.length >= 12 && /\d/.test(value) && /[a-z]/i.test(value));
}

const privateKey = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;
const namesKey = (text: string): true | undefined => (text.includes('PRIVATE KEY') ? true : undefined);

/** Secrets in assignments and on command lines, each once. */
function secretsIn(script: Script): Hit[] {
  const hits: Hit[] = [];
  const reported = new Set<number>();
  const add = ({ start, end }: Span, message: string): void => {
    if (!reported.has(start)) hits.push({ start, end, message });
    reported.add(start);
  };
  const inAssignments = (assigned: readonly Assignment[]): void => {
    for (const assignment of assigned)
      if (isSecretAssignment(assignment)) add(assignment, `${assignment.name} contains a secret`);
  };
  inAssignments(script.shell.assignments);
  for (const { assignments, words } of script.inCommands(withSecret)) {
    inAssignments(assignments);
    for (const word of words) if (isSecretWord(word)) add(word, 'There is a secret on a command line');
  }
  return hits;
}

function withSecret(command: ShellCommand): ShellCommand | undefined {
  return command.assignments.some(isSecretAssignment) || command.words.some(isSecretWord) ? command : undefined;
}

function isSecretAssignment({ name, value }: Assignment): boolean {
  return value.uses.length === 0 && isSecret(name, value.text);
}

function isSecretWord({ text = '', uses }: Word): boolean {
  if (text.length < 12 || uses.length) return false;
  const equals = text.indexOf('=');
  const named = equals > 0 && text.startsWith('--') ? text.slice(0, equals) : '';
  return secretShapes.test(text) || (equals > 0 && isSecret(named, text.slice(equals + 1)));
}
