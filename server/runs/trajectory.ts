import { compute } from '../compute/compute-process';
import type { TaskControl } from '../shared/progress';
import type { TrajectoryParams, TrajectoryResult } from '../shared/protocol';
import { fetchInput, resolveInput } from './input';

/**
 * The denoising trajectory of a few seeds; writes nothing but what `fetchInput` keeps.
 * @throws UserError for inputs and options that cannot be used; CancelledError
 */
export async function denoisingTrajectory(
  { network, base, seeds, sampler, class: chosen, rng }: TrajectoryParams,
  control: TaskControl,
): Promise<TrajectoryResult> {
  const file = await fetchInput(resolveInput(network, 'network', base), control);
  return compute(
    { kind: 'trajectory', network: file, device: 'auto', seeds, sampler, class: chosen, rng },
    control.onProgress,
    control.signal,
  );
}
