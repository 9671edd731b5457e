/** Which scheduler a host has, and how its commands are reached. */
import type { SchedulerName } from '../shared/scheduler-name';
import { UserError } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import { lastLine, type Host } from './host';
import { Lsf, type LsfOptions } from './lsf/lsf';
import { LoginShellHost, NotStartedError } from './login-shell-host';
import type { Scheduler } from './scheduler';
import { Slurm } from './slurm/slurm';

/** Each scheduler's submit command and adapter. */
const ADAPTERS = {
  slurm: { program: 'sbatch', Adapter: Slurm },
  lsf: { program: 'bsub', Adapter: Lsf },
} as const;
const NAMES = Object.keys(ADAPTERS) as SchedulerName[];

const FIND = 'for program; do command -v "$program" && exit; done; exit 1';

/**
 * Finds the scheduler of a host: the profile's, or the first that is there.
 * @returns makes its adapter
 * @throws UserError where there is none
 */
export async function findScheduler(
  host: Host,
  { scheduler = 'auto' }: Pick<ClusterProfile, 'scheduler'>,
): Promise<(options: LsfOptions) => Scheduler> {
  const wanted = scheduler === 'auto' ? NAMES : [scheduler];
  const programs = wanted.map((name) => ADAPTERS[name].program);
  // Some sites make their scheduler known to login shells only (a module, profile.lsf).
  for (const there of [host, new LoginShellHost(host)]) {
    const found = await there.run(['sh', '-c', FIND, 'sh', ...programs]).catch((error: unknown) => {
      if (error instanceof NotStartedError) return undefined;
      throw error;
    });
    // `command -v` may name an alias or a function.
    const word = lastLine(found?.stdout) ?? '';
    const name = wanted.find((one) => word.endsWith(ADAPTERS[one].program));
    if (found?.code === 0 && name) return (options) => new ADAPTERS[name].Adapter(there, options);
  }
  throw new UserError(
    `No ${programs.join(' or ')} found on ${host.name}: is it the login node? Set host to the login node, or via to a second host behind it`,
    1,
  );
}
