/**
 * Measures the checks over a folder of scripts that people wrote, against the real sbatch of the test bed:
 *
 *     npm run measure:scripts -- FOLDER [FINDINGS.tsv]
 *
 * Prints false errors (an error on a script whose options sbatch read), missed refusals (sbatch could not read the
 * options, and there is no error), what "fix all" changed for the scheduler, and a table of the findings by rule.
 * FINDINGS.tsv gets one line for each finding, to be judged by reading: file, line, severity, rule, message, the line.
 * The scripts stay where they are; LSF's are checked without a scheduler's verdict, as there is no real LSF here.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { analyse, fixAll } from '../../server/scripts/analyse';
import { ruleNamed } from '../../server/scripts/rules/index';
import { TestBed } from './bed';
import { verdictOn, type Verdict } from './verdict';

const SEVERITIES = ['error', 'warning', 'info', 'hint'] as const;

interface Measured {
  file: string;
  text: string;
  findings: ReturnType<typeof analyse>['findings'];
}

/** Differences between the options before and after a fix that no finding told of. */
async function unexpectedChange(bed: TestBed, { text, findings }: Measured, was: Verdict): Promise<string | undefined> {
  const fixed = fixAll(text);
  if (fixed === text) return undefined;
  const is = await verdictOn(bed, fixed);
  if (!was.read) return is.read ? 'now read' : 'still refused';
  const reworded = findings.some(({ id }) => id === 'gres-form') ? /^gres / : /^$/;
  const lost = was.options.filter((line) => !is.options.includes(line) && !reworded.test(line));
  const gained = is.options.filter((line) => !was.options.includes(line) && !reworded.test(line));
  const ignored = findings.some(({ id, fix }) => fix?.keepsMeaning && ruleNamed(id)?.effect === 'ignored');
  if (!lost.length && (!gained.length || ignored)) return gained.length ? `takes what was ignored: ${gained.join(', ')}` : 'same'; // prettier-ignore
  return `CHANGED: ${lost.join(', ')} -> ${gained.join(', ')}`;
}

async function againstSbatch(bed: TestBed, scripts: readonly Measured[]): Promise<void> {
  const tally = { read: 0, refused: 0, falseErrors: 0, missed: 0 };
  const fixes = new Map<string, number>();
  for (const measured of scripts) {
    const verdict = await verdictOn(bed, measured.text);
    const errors = measured.findings.filter(({ severity }) => severity === 'error');
    tally[verdict.read ? 'read' : 'refused']++;
    if (verdict.read && errors.length) {
      // What sbatch reads, the controller may still refuse: its words tell whether for the reason that we gave.
      console.log(`error, but read: ${measured.file}: ${errors.map(({ id, message }) => `${id} (${message})`).join('; ')}`);
      console.log(`    ${verdict.taken ? 'TAKEN' : verdict.message}`);
      if (verdict.taken) tally.falseErrors++;
    }
    if (!verdict.read && !errors.length) {
      console.log(`missed: ${measured.file}: ${verdict.message}`);
      tally.missed++;
    }
    const change = await unexpectedChange(bed, measured, verdict);
    if (change === undefined) continue;
    fixes.set(change.split(':')[0] ?? '', (fixes.get(change.split(':')[0] ?? '') ?? 0) + 1);
    if (/^(?:CHANGED|takes)/.test(change)) console.log(`fix all: ${measured.file}: ${change}`);
  } // prettier-ignore
  console.log(JSON.stringify({ ...tally, 'fix all': Object.fromEntries(fixes) }));
}

function table(scripts: readonly Measured[]): void {
  const all = scripts.flatMap(({ file, findings }) => findings.map(({ id, severity }) => ({ id, severity, file })));
  for (const severity of SEVERITIES) {
    const own = all.filter((finding) => finding.severity === severity);
    for (const id of [...new Set(own.map((finding) => finding.id))].sort()) {
      const found = own.filter((finding) => finding.id === id);
      const files = new Set(found.map(({ file }) => file)).size;
      console.log(`| ${id} | ${severity} | ${found.length} | ${files} |`);
    }
  }
  const infos = scripts.map(({ findings }) => findings.filter(({ severity }) => severity === 'info').length);
  infos.sort((a, b) => a - b);
  console.log(`${scripts.length} scripts, infos a script: median ${infos[infos.length >> 1]}, most ${infos.at(-1)}`);
}

async function main(): Promise<void> {
  const [folder, list] = process.argv.slice(2);
  if (!folder) throw new Error('Name the folder of scripts: npm run measure:scripts -- FOLDER');
  const read = readdirSync(folder).sort().map((file) => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    return { file, text, ...analyse(text) };
  }); // prettier-ignore
  const scripts = read.filter(({ scheduler }) => scheduler !== undefined);
  const bed = await TestBed.start({ accounting: false });
  try {
    await againstSbatch(bed, scripts.filter(({ scheduler }) => scheduler === 'slurm')); // prettier-ignore
  } finally {
    await bed.stop();
  }
  table(scripts);
  const lines = scripts.flatMap(({ file, text, findings }) =>
    findings.map(({ id, severity, message, start }) =>
      [file, start.line + 1, severity, id, message, text.split('\n')[start.line]?.trim()].join('\t'),
    ),
  );
  if (list) writeFileSync(list, `${lines.join('\n')}\n`);
}

void main();
