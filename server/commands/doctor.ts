/** What is missing on this machine. */
import { examine } from '../runs/doctor';
import { print, say, type Run } from './command';

const MARKS = { ok: 'ok      ', missing: 'MISSING ', optional: 'optional' };

export const doctor: Run<'doctor'> = async ({ values }) => {
  const findings = await examine(process.cwd());
  if (values.json) print(findings);
  else
    for (const { topic, state, found, remedy } of findings)
      say(`${MARKS[state]}  ${topic}: ${found}${remedy ? `\n            ${remedy}` : ''}`);
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
};
