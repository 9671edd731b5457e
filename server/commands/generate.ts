/** Running configs and making images. */
import path from 'node:path';
import { batchLines } from '../diffusion/batch-size';
import { CHOICE_OPTIONS, NUMBER_OPTIONS, type SamplerOptions } from '../shared/sampler-options';
import { RNG_DEVICES, type RngDevice } from '../shared/sampler-options';
import { download } from '../download/download';
import { isUrl } from '../download/url';
import { UserError } from '../errors';
import { resultText } from '../shared/number-text';
import { compute } from '../compute/compute-process';
import { modelText } from '../models/model-text';
import { findInput, inputName } from '../runs/inputs';
import { executeRun } from '../runs/execute';
import {
  choice,
  count,
  device,
  flag,
  none,
  number,
  only,
  print,
  relative,
  required,
  string,
  text,
  type Command,
  type Values,
} from './command';

export const generateCommands: Record<string, Command> = {
  run: {
    usage: 'run CONFIG.edm.yaml [--json]',
    summary: 'Generate, measure and record what a run config says',
    options: { json: flag },
    async run(values, positionals, { report, signal }) {
      const result = await executeRun(path.resolve(only(positionals, 'a run config')), {
        onProgress: report.report,
        signal,
      });
      report.end();
      for (const note of result.notes) console.error(note);
      if (values.json) print(result);
      else {
        console.log(`${result.manifest.images} images in ${relative(result.folder)}`);
        for (const record of result.records) console.log(resultText(record));
      }
      return 0;
    },
  },
  generate: {
    usage:
      'generate --network F --outdir D [--seeds 0-63] [--subdirs] [--class N] [--batch N] [--steps N] [--sigma_min X] [--sigma_max X] [--rho X]\n' +
      '       [--S_churn X] [--S_min X] [--S_max X] [--S_noise X] [--solver heun|euler] [--disc vp|ve|iddpm|edm]\n' +
      '       [--schedule vp|ve|linear] [--scaling vp|none] [--rng cpu|cuda] [--device auto|cpu|cuda] [--grid FILE.png] [--json]',
    summary: 'Generate images as generate.py does, one PNG per seed',
    options: {
      network: text, outdir: text, seeds: text, subdirs: flag, class: text, batch: text, steps: text, sigma_min: text, sigma_max: text,
      rho: text, S_churn: text, S_min: text, S_max: text, S_noise: text, solver: text, disc: text, schedule: text, scaling: text,
      rng: text, device: text, grid: text, json: flag,
    }, // prettier-ignore
    async run(values, positionals, { report, signal }) {
      none(positionals);
      const outdir = path.resolve(required(values, 'outdir'));
      const control = { onProgress: report.report, signal };
      const sampler = Object.fromEntries([
        ...NUMBER_OPTIONS.map((name) => [name, number(values, name)]),
        ...CHOICE_OPTIONS.map((name) => [name, values[name]]),
      ]) as SamplerOptions;
      const summary = await compute(
        {
          kind: 'generate',
          network: await findInput(required(values, 'network'), 'network', process.cwd(), control),
          device: device(values),
          options: {
            ...sampler,
            outdir,
            seeds: string(values, 'seeds') ?? '0-63',
            subdirs: values.subdirs === true,
            class: count(values, 'class', 0),
            batch: count(values, 'batch'),
            rng: choice<RngDevice>(values, 'rng', RNG_DEVICES),
            grid: gridFile(values, outdir),
          },
        },
        report.report,
        signal,
      );
      report.end();
      for (const note of summary.notes) console.error(note);
      if (values.json) print({ outdir, ...summary });
      else
        console.log(
          `${summary.written} images written to ${relative(outdir)}${summary.skipped ? `, ${summary.skipped} were there already` : ''}`,
        );
      return 0;
    },
  },
  calibrate: {
    usage: 'calibrate --network F [--steps N] [--device auto|cpu|cuda] [--json]',
    summary: 'Images per second and memory over batch sizes, and which one to take',
    options: { network: text, steps: text, device: text, json: flag },
    async run(values, positionals, { report, signal }) {
      none(positionals);
      const control = { onProgress: report.report, signal };
      const network = await findInput(required(values, 'network'), 'network', process.cwd(), control);
      const steps = count(values, 'steps') ?? 18;
      const found = await compute({ kind: 'calibrate', network, device: device(values), steps }, report.report, signal);
      report.end();
      for (const note of found.notes) console.error(note);
      if (values.json) return (print(found), 0);
      for (const line of batchLines(found.points, found)) console.log(line);
      return 0;
    },
  },
  import: {
    usage: 'import NET.pkl|NET.safetensors|training-state.pt|INCEPTION.pth|DETECTOR.onnx|URL -o MODEL.onnx',
    summary: 'Convert an EDM network or a detector to ONNX without executing anything in it',
    options: { out: { type: 'string', short: 'o' } },
    async run(values, positionals, { report, signal }) {
      const dest = path.resolve(required(values, 'out'));
      const given = only(positionals, 'a network or detector file');
      const control = { onProgress: report.report, signal };
      const source = isUrl(given) ? await download(given, 'network', control) : path.resolve(given);
      const job = { kind: 'import', source, dest, name: inputName(given) } as const;
      const info = await compute(job, report.report, signal);
      report.end();
      console.log(`${relative(dest)}: ${modelText(info)}`);
      return 0;
    },
  },
};

/** Where the grid goes: never among the images, where it would be measured as one. */
function gridFile(values: Values, outdir: string): string | undefined {
  const given = string(values, 'grid');
  if (given === undefined) return undefined;
  const file = path.resolve(given);
  if (!path.relative(outdir, file).startsWith('..')) {
    throw new UserError(`--grid ${given}: lies in --outdir and would be measured as an image; choose another place`);
  }
  return file;
}
