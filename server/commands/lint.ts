/** What is wrong in scripts, configs and lists of clusters. */
import { LINT_FORMATS, lintFile, readSnapshot } from './lint-files';
import { say, type Run } from './command';

export const lint: Run<'lint'> = async ({ values, positionals, signal }) => {
  const { scheduler, snapshot, fix } = values;
  const cluster = snapshot === undefined ? undefined : await readSnapshot(snapshot);
  const findings = (
    await Promise.all(positionals.map((file) => lintFile(file, { scheduler, cluster, fix, signal })))
  ).flat();
  const report = LINT_FORMATS[values.format](findings);
  if (report) say(report);
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
};
