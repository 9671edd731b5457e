/** Which scheduler a host has, and how its commands are reached. */
import type { SchedulerName } from '../shared/scheduler-name';
import { UserError } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import type { Host } from './host';
import { Lsf } from './lsf/lsf';
import type { Scheduler } from './scheduler';
import { Slurm } from './slurm/slurm';
import type { Reconnect } from './submission';

/** Each scheduler's submit command and adapter. */
const ADAPTERS = {
  slurm: { program: 'sbatch', Adapter: Slurm },
  lsf: { program: 'bsub', Adapter: Lsf },
} as const;
const NAMES = Object.keys(ADAPTERS) as SchedulerName[];

/** Some sites make their scheduler known to login shells only (a module, profile.lsf). */
const LOGIN_SHELL = ['bash', '-lc', 'exec "$@"', 'bash'];
const FIND = 'for program; do command -v "$program" && exit; done; exit 1';

/**
 * The scheduler of a host: the profile's, or the first that is found.
 * @throws UserError where there is none
 */
export async function openScheduler(
  host: Host,
  { scheduler = 'auto' }: Pick<ClusterProfile, 'scheduler'>,
  reconnect?: Reconnect,
): Promise<Scheduler> {
  const wanted = scheduler === 'auto' ? NAMES : [scheduler];
  const programs = wanted.map((name) => ADAPTERS[name].program);
  for (const prefix of [[], LOGIN_SHELL]) {
    const { code, stdout } = await host.run([...prefix, 'sh', '-c', FIND, 'sh', ...programs]);
    // The last line: a login shell may have said something before.
    const found = stdout.trim().split('\n').pop() ?? '';
    const name = wanted.find((one) => found.endsWith(ADAPTERS[one].program));
    if (code === 0 && name) return new ADAPTERS[name].Adapter(host, { prefix, reconnect });
  }
  throw new UserError(
    `${host.name} has no ${programs.join(' and no ')}: is it the login node? Name the right host, or the second one with "via"`,
    1,
  );
}
