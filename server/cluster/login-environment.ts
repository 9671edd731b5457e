/**
 * A scheduler's submit command in the environment of a login shell: a job inherits it, and `module` and whatever else a
 * profile sets are then there as they are by hand. The profile can neither print into the answer nor read the script.
 */
import type { Host } from './host';

const WRAP = `exec 3<&0 4>&1 5>&2 </dev/null >/dev/null 2>&1
exec bash -l -c 'exec <&3 >&4 2>&5 3<&- 4>&- 5>&-; exec "$@"' bash "$@"`;

/** Words before a command. */
export const IN_LOGIN_SHELL: readonly string[] = ['sh', '-c', WRAP, 'sh'];

/** How long a profile may take before the command runs without it. */
const PATIENCE_MS = 60_000;

/**
 * Whether a host's login shell gets to a program: there may be no bash, a profile may ask or start another shell, and PATH
 * may be another one there.
 */
export async function loginShellHas(host: Host, program: string): Promise<boolean> {
  const find = ['sh', '-c', 'command -v "$1" >/dev/null && echo found', 'sh', program];
  const answer = await host.run([...IN_LOGIN_SHELL, ...find], { timeoutMs: PATIENCE_MS }).catch(() => undefined);
  return answer?.code === 0 && answer.stdout.trim() === 'found';
}
