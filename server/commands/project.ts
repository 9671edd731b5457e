/** What is recorded, what is wrong in a script, and what is missing on this machine. */
import path from 'node:path';
import { examine } from '../doctor';
import { UserError } from '../errors';
import { resultText } from '../shared/number-text';
import { repositoryRoot } from '../git';
import { readHistory } from '../history/history-store';
import { LINT_FORMATS, lintFile, readSnapshot } from '../lint-files';
import { choice, flag, print, string, text, type Command } from './command';

export const projectCommands: Record<string, Command> = {
  history: {
    usage: 'history [FOLDER] [--json]',
    summary: 'All recorded results of the repository',
    options: { json: flag },
    async run(values, positionals) {
      const root = await repositoryRoot(path.resolve(positionals[0] ?? '.'));
      const { records, problems } = await readHistory(root);
      for (const problem of problems) console.error(problem);
      if (values.json) return (print(records), 0);
      for (const record of records) {
        const { code, name, sampler, time } = record;
        const commit = code.short + (code.dirty ? '-dirty' : '');
        console.log(
          `${time.slice(0, 16).replace('T', ' ')}  ${commit.padEnd(13)}  ${name}  ${sampler ? `${sampler.steps} steps  ` : ''}${resultText(record)}  ${code.subject}`,
        );
      }
      return 0;
    },
  },
  lint: {
    usage: 'lint FILE... [--scheduler slurm|lsf] [--snapshot CLUSTER.json] [--format text|json|sarif] [--fix]',
    summary: 'Check batch scripts and run configs; exit 0 clean, 1 errors found, 2 could not run',
    options: { scheduler: text, snapshot: text, format: text, fix: flag },
    async run(values, positionals) {
      if (positionals.length === 0) throw new UserError('lint: give the files to check');
      const scheduler = choice(values, 'scheduler', ['slurm', 'lsf'] as const);
      const format = choice(values, 'format', Object.keys(LINT_FORMATS)) ?? 'text';
      const snapshot = string(values, 'snapshot');
      const cluster = snapshot === undefined ? undefined : await readSnapshot(snapshot);
      const findings = (
        await Promise.all(positionals.map((file) => lintFile(file, { scheduler, cluster, fix: values.fix === true })))
      ).flat();
      const report = LINT_FORMATS[format](findings);
      if (report) console.log(report);
      return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
    },
  },
  doctor: {
    usage: 'doctor [--json]',
    summary: 'What is here, what is missing, what to do',
    options: { json: flag },
    async run(values) {
      const findings = await examine(process.cwd());
      const mark = { ok: 'ok      ', missing: 'MISSING ', optional: 'optional' };
      if (values.json) print(findings);
      else
        for (const { topic, state, found, remedy } of findings)
          console.log(`${mark[state]}  ${topic}: ${found}${remedy ? `\n            ${remedy}` : ''}`);
      return findings.some(({ state }) => state === 'missing') ? 1 : 0;
    },
  },
};
