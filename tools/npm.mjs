/** npm, called by our own tools: in an environment of its own, with progress, and with its reason when it fails. Needs nothing but Node. */
import { ProgramError, runQuietly, say } from './programs.mjs';

/** How many of npm's last lines are shown after a failure. */
const SHOWN_LINES = 25;

/**
 * Settings that say how the registry is reached, and where npm keeps its files. They are true of every npm call on a machine, so
 * they are passed on. npm writes all its settings into the environment of what it starts, in lower case, and a user may have set
 * the same names there: these are kept in either case. The others, such as a project's `ignore-scripts`, are not.
 */
const SHARED_SETTINGS = new Set(
  (
    'registry proxy https_proxy noproxy ca cafile cert key strict_ssl local_address maxsockets offline prefer_offline ' +
    'fetch_retries fetch_retry_factor fetch_retry_maxtimeout fetch_retry_mintimeout fetch_timeout cache userconfig globalconfig'
  ).split(' '),
);

/**
 * The environment for a program that must not take itself for part of the npm that started us, such as another npm. An `npm test`
 * describes itself to what it runs (`npm_config_user_agent`, `npm_lifecycle_event`, `npm_package_json`, NODE, ...), and an npm in
 * it would hand that on: code-server's install script then reads the version of the wrong Node, and refuses.
 *
 * Kept: NPM_CONFIG_* (npm itself writes lower case only), settings that npm never exports (of a registry or a scope, and
 * credentials), and SHARED_SETTINGS. What stands in an npmrc file needs no keeping: npm reads it again.
 * @param {Readonly<NodeJS.ProcessEnv>} env @returns {NodeJS.ProcessEnv}
 */
export function withoutNpm(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => {
      if (name === 'INIT_CWD') return false;
      if (name === 'NODE') return value !== env.npm_node_execpath;
      if (!/^npm_/i.test(name)) return true;
      const setting = /^npm_config_(.+)$/i.exec(name)?.[1];
      if (setting === undefined || value === '' || /^user[_-]agent$/i.test(setting)) return false;
      return /^NPM_CONFIG_/.test(name) || /^[/@_]/.test(setting) || SHARED_SETTINGS.has(setting.toLowerCase());
    }),
  );
}

/**
 * What a line of npm's output at `--loglevel=info` says about what it is doing.
 * @returns {(line: string) => string | undefined} counts the downloads, so each run of npm needs its own
 */
export function npmPhases() {
  let fetched = 0;
  return (line) => {
    if (/^npm http (fetch|cache) /.test(line)) return `downloading packages (${++fetched} so far)`;
    const script = /^npm info run (\S+) (\S+) (.*)$/.exec(line);
    if (!script) return undefined;
    const [, name, event, rest = ''] = script;
    return rest.startsWith('{ code:') ? 'finishing install scripts' : `running the ${event} script of ${name}`;
  };
}

/**
 * Reads why npm failed from its output.
 * @param {string} output @returns {{ cause: string, lines: string[], log: string | undefined }} the likeliest cause in one line,
 *   npm's last lines about the failure without their prefix, and the path of its log
 */
export function npmFailure(output) {
  const all = output.split('\n').map((line) => line.trimEnd());
  const said = all.flatMap((line) => /^npm (?:error|ERR!) ?(.*)$/.exec(line)?.[1] ?? []);
  const log = said.flatMap((line) => /complete log of this run can be found in:? ?(.*)$/.exec(line)?.[1] ?? []).at(-1);
  const lines = (said.length > 0 ? said : all).filter(
    (line) => line.trim() !== '' && !/A complete log of this/.test(line),
  );
  // Before the words of the failed program or of the network come npm's own: a code, a path, a command.
  const words = lines.filter((line) => !/^(code|errno|syscall|path|command|signal|gyp info|gyp http)\b/.test(line));
  const cause =
    words.find((line) => /\b(error|fatal|cannot|not found|failed|refused|requires)\b|ERR!|^E[A-Z]+\b/i.test(line)) ??
    words[0] ??
    lines[0] ??
    'npm gave no reason';
  return { cause: cause.trim(), lines: lines.slice(-SHOWN_LINES), log: log || undefined };
}

/**
 * Runs npm with progress. When it fails, its last lines and the path of its log are shown.
 * @param {string[]} args
 * @param {{ cwd: string, what: string, env?: NodeJS.ProcessEnv }} options `env` comes over this process's own
 * @returns {Promise<void>} rejects with one line: the likeliest cause, and the log's path
 */
export async function npm(args, { cwd, what, env = {} }) {
  try {
    await runQuietly('npm', [...args, '--no-audit', '--no-fund', '--loglevel=info'], {
      cwd,
      what,
      env: { ...withoutNpm(process.env), ...env },
      phaseOf: npmPhases(),
    });
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const { cause, lines, log } = npmFailure(error.output);
    say([`npm ${args.join(' ')} failed. Its last lines:`, ...lines].join('\n    '));
    const where = log ? `npm's log: ${log}` : 'npm names no log';
    say(where);
    throw new Error(`npm ${args.join(' ')} failed: ${cause} (${where})`, { cause: error });
  }
}
