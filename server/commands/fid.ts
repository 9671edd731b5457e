/** Measuring images: `fid calc` and `fid ref`. */
import path from 'node:path';
import { checkFurtherOptions, furtherLines } from '../fid/further-metrics';
import { formatG } from '../fid/format-g';
import { compute } from '../onnx/compute';
import { detectorName, findInput, inputName } from '../runs/inputs';
import { device, flag, none, number, print, relative, required, string, text, type Command } from './command';

export const fidCommands: Record<string, Command> = {
  'fid calc': {
    usage:
      'fid calc --images DIR|ZIP --ref R.npz [--detector F.onnx] [--num N] [--seed N] [--batch N] [--device auto|cpu|cuda] [--json]\n' +
      '       [--kid] [--pr] [--real DIR|ZIP] [--extrapolate]',
    summary:
      'Frechet distance of images to reference statistics; the number is the last line. Beside it: kernel distance, precision\n' +
      '      and recall (both against the images of --real), and the distance extrapolated to endlessly many images',
    options: {
      images: text, ref: text, detector: text, num: text, seed: text, batch: text, device: text, json: flag,
      kid: flag, pr: flag, real: text, extrapolate: flag,
    }, // prettier-ignore
    async run(values, positionals, { report, signal }) {
      none(positionals);
      const reference = required(values, 'ref');
      const real = string(values, 'real');
      const further = {
        kid: values.kid === true,
        pr: values.pr === true,
        extrapolate: values.extrapolate === true,
        real: real && path.resolve(real),
      };
      checkFurtherOptions(further);
      const control = { onProgress: report.report, signal };
      const summary = await compute(
        {
          kind: 'measure',
          key: 'fd',
          images: path.resolve(required(values, 'images')),
          reference: await findInput(reference, 'reference', process.cwd(), control),
          detector: await findInput(
            detectorName({ reference, detector: string(values, 'detector') }),
            'detector',
            process.cwd(),
            control,
          ),
          device: device(values),
          num: number(values, 'num') ?? 50000,
          seed: number(values, 'seed') ?? 0,
          batch: number(values, 'batch') ?? 64,
          further,
        },
        report.report,
        signal,
      );
      report.end();
      for (const note of summary.notes) console.error(note);
      if (values.json) return (print(summary), 0);
      for (const line of furtherLines(summary)) console.log(line);
      console.log(`${summary.metric}, N = ${summary.num}, reference ${inputName(reference)}`);
      console.log(formatG(summary.value));
      return 0;
    },
  },
  'fid ref': {
    usage: 'fid ref --data DIR|ZIP --dest R.npz --detector F.onnx [--batch N] [--device auto|cpu|cuda] [--json]',
    summary: 'Reference statistics of a set of images',
    options: { data: text, dest: text, detector: text, batch: text, device: text, json: flag },
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
          batch: number(values, 'batch') ?? 64,
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
};
