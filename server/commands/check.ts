/** What is wrong in a script or a config, and what is missing on this machine. */
import { examine } from '../runs/doctor';
import { LINT_FORMATS, lintFile, readSnapshot } from './lint-files';
import { print, say, type Run } from './command';

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

const MARKS = { ok: 'ok      ', missing: 'MISSING ', optional: 'optional' };

export const doctor: Run<'doctor'> = async ({ values }) => {
  const findings = await examine(process.cwd());
  if (values.json) print(findings);
  else
    for (const { topic, state, found, remedy } of findings)
      say(`${MARKS[state]}  ${topic}: ${found}${remedy ? `\n            ${remedy}` : ''}`);
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
};
