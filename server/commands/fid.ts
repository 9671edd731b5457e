/** Measuring images: `fid calc`, `fid ref` and `fid merge`. */
import path from 'node:path';
import { compute } from '../compute/compute-process';
import type { MeasureSummary } from '../compute/tasks';
import { UserError } from '../errors';
import { mergeStatistics } from '../fid/kept-statistics';
import { furtherLines } from '../fid/further-metrics';
import { fileMeasurement, filingOf, unfiled } from '../runs/measured';
import { provenanceOf } from '../runs/provenance';
import { publishedText } from '../history/published-fids';
import { fetchInput, resolveDetector, resolveInput } from '../runs/input';
import { formatG, withError } from '../shared/number-text';
import type { HistoryRecord } from '../shared/schema-types.gen';
import { print, printNotes, relative, say, type Call, type Run } from './command';

/** Options of `fid calc` that work without images. */
const WITHOUT_IMAGES: readonly string[] = ['stats', 'ref', 'json', 'no-record'];

export const calc: Run<'fid calc'> = async (call) => {
  const { values, withProgress } = call;
  const { device, num, seed, batch, dims, repeats, stats, real, kid, pr, extrapolate, convert } = values;
  if (stats && !values.images) return compare(path.resolve(stats), call);
  if (!values.images) throw new UserError('Missing option --images');
  const images = path.resolve(values.images);
  const reference = resolveInput(values.ref, 'reference', process.cwd());
  const detector = resolveDetector({ reference: values.ref, detector: values.detector }, process.cwd());
  const statistics = stats && path.resolve(stats);
  const filing = values['no-record'] ? undefined : await filingOf(images, process.cwd(), statistics).catch(unfiled);
  const summary = await withProgress(async (control) =>
    compute(
      {
        kind: 'measure',
        key: 'fd',
        images,
        reference: await fetchInput(reference, control),
        detector: await fetchInput(detector, control),
        ...{ device, num, seed, batch, dims, repeats, convert },
        stats: statistics,
        further: { kid, pr, extrapolate, real: real && path.resolve(real) },
      },
      control.onProgress,
      control.signal,
    ),
  );
  printNotes(summary.notes);
  const { name } = reference;
  const named = { ...summary, reference: { ...summary.reference, name } };
  const isFiled = filing && !(filing instanceof UserError);
  const published = publishedText({ ...named, ...(isFiled ? filing.provenance : await provenanceOf(images)) });
  // Whatever becomes of the record, the number is told.
  const record = isFiled ? await fileMeasurement(filing, named).catch(unfiled) : undefined;
  if (filing instanceof UserError) printNotes([`Nothing is recorded: ${filing.message}`]);
  if (record && !(record instanceof UserError)) printNotes([recordedText(record)]);
  if (values.json) print({ ...named, published, record: record instanceof UserError ? undefined : record?.id });
  else printMeasured(summary, name, published);
  if (record instanceof UserError) throw record;
  return 0;
};

/** The number is the last line. */
function printMeasured(summary: MeasureSummary, reference: string, published: string | undefined): void {
  for (const line of furtherLines(summary)) say(line);
  if (summary.repeats) say(`Least of ${summary.repeats.map(formatG).join(', ')}`);
  const { metric, num, value, standard_error: error } = summary;
  const withMargin = error === undefined ? '' : `: ${withError(value, error)}`;
  say(`${metric}, N = ${num}, reference ${reference}${withMargin}`);
  if (published) say(published);
  say(formatG(summary.value));
}

function recordedText({ name, code }: HistoryRecord): string {
  return `Recorded in the history: ${name} at ${code.short}${code.dirty ? '-dirty' : ''}`;
}

/** `fid calc` without images: of statistics that were kept. They do not say whose images they are, so there is no record. */
async function compare(statistics: string, { values, given, withProgress }: Call<'fid calc'>): Promise<number> {
  const unused = [...given].find((name) => !WITHOUT_IMAGES.includes(name));
  if (unused) throw new UserError(`--${unused} needs the images: add --images DIR|ZIP`);
  const input = resolveInput(values.ref, 'reference', process.cwd());
  const summary = await withProgress(async (control) => {
    const reference = await fetchInput(input, control);
    return compute({ kind: 'compare', statistics, reference }, control.onProgress, control.signal);
  });
  printNotes(summary.notes);
  if (values.json) return (print(summary), 0);
  say(`${summary.metric}, N = ${summary.num ?? 'unknown'}, reference ${input.name}`);
  say(formatG(summary.value));
  return 0;
}

export const ref: Run<'fid ref'> = async ({ values, withProgress }) => {
  const { device, batch, dims, convert } = values;
  const dest = path.resolve(values.dest);
  const summary = await withProgress(async (control) =>
    compute(
      {
        kind: 'reference',
        data: path.resolve(values.data),
        dest,
        detector: await fetchInput(resolveInput(values.detector, 'detector', process.cwd()), control),
        ...{ device, batch, dims, convert },
        keepFeatures: values['keep-features'],
      },
      control.onProgress,
      control.signal,
    ),
  );
  printNotes(summary.notes);
  if (values.json) print({ dest, ...summary });
  else if (summary.written) say(`Statistics of ${summary.num} images written to ${relative(dest)}`);
  else say(`Nothing written: ${relative(dest)} has the statistics of these ${summary.num} images by the same detector`);
  return 0;
};

export const merge: Run<'fid merge'> = async ({ values, positionals }) => {
  const dest = path.resolve(values.out);
  const num = await mergeStatistics(positionals, dest);
  say(`Statistics of ${num} images written to ${relative(dest)}`);
  return 0;
};
