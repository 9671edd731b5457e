/** Runs of a config here, and the history of all runs. */
import path from 'node:path';
import { UserError } from '../errors';
import { repositoryRoot } from '../git';
import { readHistory } from '../history/history-store';
import { isOf } from '../runs/compared';
import { executeRun } from '../runs/execute';
import { plainLine } from '../shared/plain-text';
import { resultText } from '../shared/number-text';
import { readFilter } from '../shared/record-filter';
import { resultSentence } from '../shared/result-sentence';
import type { HistoryRecord } from '../shared/schema-types.gen';
import { print, printNotes, relative, say, type Run } from './command';

export const run: Run<'run'> = async ({ values, positionals: [config], withProgress }) => {
  const result = await withProgress((control) => executeRun(path.resolve(config), control));
  printNotes(result.notes);
  if (values.json) print(result);
  else {
    say(`${result.manifest.images} images in ${relative(result.folder)}`);
    for (const record of result.records) say(resultText(record));
  }
  return 0;
};

export const history: Run<'history'> = async ({ values, positionals: [folder = '.'] }) => {
  const { records: all, problems } = await readHistory(await repositoryRoot(path.resolve(folder)));
  printNotes(problems);
  const { json, record: wanted, filter = '', sentence } = values;
  const { passes, problem } = readFilter(filter);
  if (problem !== undefined) throw new UserError(`--filter: ${problem}`);
  const records = all.filter((record) => passes(record) && (wanted === undefined || isOf(record, wanted)));
  if (wanted !== undefined && !all.some((record) => isOf(record, wanted))) throw new UserError(`No record is of ${wanted}; edm-workbench history lists all`);
  if (json) print(records);
  else for (const record of records) say(sentence ? resultSentence(record, sentence) : recordLine(record));
  return 0;
}; // prettier-ignore

/** One record in one line: when, which commit, which run, the number, and the commit's subject. */
function recordLine(record: HistoryRecord): string {
  const { code, name, sampler, time } = record;
  const commit = code.short + (code.dirty ? '-dirty' : '');
  const steps = sampler ? [`${sampler.steps} steps`] : [];
  const when = time.slice(0, 16).replace('T', ' ');
  return plainLine([when, commit.padEnd(13), name, ...steps, resultText(record), code.subject].join('  '));
}
