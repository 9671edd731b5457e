/** Rules about what a run config asks for its jobs, whatever cluster it is sent to. Pure. */
import { directiveProblems } from '../jobs/extra-directives';
import { askedFor, optionProblems } from '../jobs/job-options';
import type { SchedulerName } from '../shared/scheduler-name';
import type { RunConfig } from '../shared/schema-types.gen';
import type { CrossProblem } from './cross-problem';

/**
 * Findings about a config's options of jobs.
 * @param scheduler of its cluster, where that is known
 */
export function jobChecks(config: RunConfig, scheduler?: SchedulerName): CrossProblem[] {
  const asked = askedFor({ name: '' }, config);
  const { extra_directives: entries = [], nodes = 1, gpu_type, engine = 'workbench', gpus } = config;
  const problems = optionProblems(asked, scheduler).map(({ key, message }): CrossProblem => {
    return { id: 'job-option', severity: 'error', message, path: [key] };
  });
  if (nodes > 1 && engine === 'workbench')
    problems.push({
      id: 'nodes-of-workbench',
      severity: 'error',
      message: 'Engine workbench runs each task on one node: divide the seeds with tasks, or choose engine edm',
      path: ['nodes'],
    });
  if (gpu_type !== undefined && engine === 'workbench' && !gpus)
    problems.push({
      id: 'no-gpus',
      severity: 'warning',
      message: 'gpu_type has no effect without gpus',
      path: ['gpu_type'],
      part: 'key',
    });
  const extra = directiveProblems(asked, scheduler).map(({ index, from, to, ...problem }): CrossProblem => {
    const path = ['extra_directives', String(index)];
    return { ...problem, path, within: { text: entries[index] ?? '', from, to } };
  });
  return [...problems, ...extra];
}
