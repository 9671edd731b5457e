/** Measuring images: `fid calc`, `fid ref` and `fid merge`. */
import path from 'node:path';
import { UserError } from '../errors';
import { mergeStatistics } from '../fid/kept-statistics';
import { furtherLines } from '../fid/further-metrics';
import { formatG } from '../shared/number-text';
import { provenanceOf } from '../runs/provenance';
import { publishedText } from '../history/published-fids';
import { compute } from '../compute/compute-process';
import { detectorName, findInput, inputName } from '../runs/inputs';
import {
  count, device, flag, none, print, relative, required, string, text, type Command, type Control, type Values,
} from './command'; // prettier-ignore

export const fidCommands: Record<string, Command> = {
  'fid calc': {
    usage:
      'fid calc --images DIR|ZIP --ref R.npz [--detector F.onnx] [--num N] [--seed N] [--batch N] [--device auto|cpu|cuda] [--json]\n' +
      '       [--dims 64|192|768|2048] [--repeats N] [--stats S.npz] [--kid] [--pr] [--real DIR|ZIP] [--extrapolate]\n' +
      '  edm-workbench fid calc --stats S.npz --ref R.npz [--json]',
    summary:
      'Frechet distance of images to reference statistics; the number is the last line. --repeats 3 is the protocol of the\n' +
      '      paper: three equal parts, the least counts. --stats keeps the statistics, which alone are enough for another\n' +
      '      reference. Beside it: kernel distance, precision and recall (both against the images of --real or the features\n' +
      '      that fid ref kept), and the distance extrapolated to endlessly many images',
    options: {
      images: text, ref: text, detector: text, num: text, seed: text, batch: text, device: text, json: flag,
      dims: text, repeats: text, stats: text, kid: flag, pr: flag, real: text, extrapolate: flag,
    }, // prettier-ignore
    async run(values, positionals, { report, signal }) {
      none(positionals);
      const reference = required(values, 'ref');
      const stats = string(values, 'stats');
      if (stats && !values.images) return compare(path.resolve(stats), reference, values, { report, signal });
      const real = string(values, 'real');
      const further = {
        kid: values.kid === true,
        pr: values.pr === true,
        extrapolate: values.extrapolate === true,
        real: real && path.resolve(real),
      };
      const images = path.resolve(required(values, 'images'));
      const control = { onProgress: report.report, signal };
      const summary = await compute(
        {
          kind: 'measure',
          key: 'fd',
          images,
          reference: await findInput(reference, 'reference', process.cwd(), control),
          detector: await findInput(
            detectorName({ reference, detector: string(values, 'detector') }),
            'detector',
            process.cwd(),
            control,
          ),
          device: device(values),
          num: count(values, 'num', 2) ?? 50000,
          seed: count(values, 'seed', -Infinity) ?? 0,
          batch: count(values, 'batch') ?? 64,
          dims: count(values, 'dims'),
          repeats: count(values, 'repeats'),
          stats: stats && path.resolve(stats),
          further,
        },
        report.report,
        signal,
      );
      report.end();
      for (const note of summary.notes) console.error(note);
      const name = inputName(reference);
      const named = { ...summary, reference: { ...summary.reference, name } };
      const published = publishedText({ ...named, ...(await provenanceOf(images)) });
      if (values.json) return (print({ ...named, published }), 0);
      for (const line of furtherLines(summary)) console.log(line);
      if (summary.repeats) console.log(`Least of ${summary.repeats.map(formatG).join(', ')}`);
      console.log(`${summary.metric}, N = ${summary.num}, reference ${name}`);
      if (published) console.log(published);
      console.log(formatG(summary.value));
      return 0;
    },
  },
  'fid ref': {
    usage:
      'fid ref --data DIR|ZIP --dest R.npz --detector F.onnx [--batch N] [--device auto|cpu|cuda] [--json]\n' +
      '       [--dims 64|192|768|2048] [--keep-features]',
    summary:
      'Reference statistics of a set of images, or those of one job to be merged; --keep-features also keeps the features\n' +
      '      in R.features.npz, for --kid and --pr without --real',
    options: {
      data: text, dest: text, detector: text, batch: text, device: text, json: flag, dims: text, 'keep-features': flag,
    }, // prettier-ignore
    async run(values, positionals, { report, signal }) {
      none(positionals);
      const dest = path.resolve(required(values, 'dest'));
      const summary = await compute(
        {
          kind: 'reference',
          data: path.resolve(required(values, 'data')),
          dest,
          detector: await findInput(required(values, 'detector'), 'detector', process.cwd(), {
            onProgress: report.report,
            signal,
          }),
          device: device(values),
          batch: count(values, 'batch') ?? 64,
          dims: count(values, 'dims'),
          keepFeatures: values['keep-features'] === true,
        },
        report.report,
        signal,
      );
      report.end();
      if (values.json) print({ dest, ...summary });
      else console.log(`Statistics of ${summary.num} images written to ${relative(dest)}`);
      return 0;
    },
  },
  'fid merge': {
    usage: 'fid merge A.npz B.npz [C.npz ...] -o ALL.npz',
    summary: 'Add the statistics of parts of a set, e.g. of the shards of several jobs: as of the whole in one pass',
    options: { out: { type: 'string', short: 'o' } },
    async run(values, positionals) {
      const dest = path.resolve(required(values, 'out'));
      const num = await mergeStatistics(positionals, dest);
      console.log(`Statistics of ${num} images written to ${relative(dest)}`);
      return 0;
    },
  },
};

/** `fid calc` without images: of statistics that were kept. */
async function compare(
  statistics: string,
  reference: string,
  values: Values,
  { report, signal }: Control,
): Promise<number> {
  const unused = Object.keys(values).find((name) => !['stats', 'ref', 'json'].includes(name));
  if (unused) throw new UserError(`--${unused} needs the images: add --images DIR|ZIP`);
  const file = await findInput(reference, 'reference', process.cwd(), { onProgress: report.report, signal });
  const summary = await compute({ kind: 'compare', statistics, reference: file }, report.report, signal);
  report.end();
  for (const note of summary.notes) console.error(note);
  if (values.json) return (print(summary), 0);
  console.log(`${summary.metric}, N = ${summary.num ?? 'unknown'}, reference ${inputName(reference)}`);
  console.log(formatG(summary.value));
  return 0;
}
