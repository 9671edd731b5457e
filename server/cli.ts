/** `edm-workbench`: the same core for terminals, CI and compute nodes. Progress on stderr, results on stdout. */
import path from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CHOICE_OPTIONS, NUMBER_OPTIONS, type SamplerOptions } from './diffusion/sampler-options';
import { RNG_DEVICES, type RngDevice } from './diffusion/random';
import { examine } from './doctor';
import { CancelledError, UserError } from './errors';
import { metricName } from './fid/detector';
import { checkFurtherOptions, furtherLines } from './fid/further-metrics';
import { formatG } from './fid/format-g';
import { repositoryRoot } from './history/git';
import { readHistory } from './history/store';
import { LINT_FORMATS, lintFile } from './lint-files';
import { compute } from './onnx/compute';
import type { DeviceChoice } from './onnx/session';
import { resolveFile } from './runs/embedded';
import { executeRun } from './runs/execute';
import { detectorFor } from './runs/plan';
import { didYouMean } from './suggest';
import { progressLine } from './terminal';

type Values = Record<string, string | boolean | undefined>;
interface Command {
  usage: string;
  summary: string;
  options: NonNullable<ParseArgsConfig['options']>;
  /** Exit status. */
  run(values: Values, positionals: string[], control: Control): Promise<number>;
}
interface Control {
  report: ReturnType<typeof progressLine>;
  signal: AbortSignal;
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const DEVICES = ['auto', 'cpu', 'cuda'] as const;

const COMMANDS: Record<string, Command> = {
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
        for (const { metric, value, num } of result.records) console.log(`${metric}, N = ${num}: ${formatG(value)}`);
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
      const sampler = Object.fromEntries([
        ...NUMBER_OPTIONS.map((name) => [name, number(values, name)]),
        ...CHOICE_OPTIONS.map((name) => [name, values[name]]),
      ]) as SamplerOptions;
      const summary = await compute(
        {
          kind: 'generate',
          network: resolveFile(required(values, 'network'), 'network', process.cwd()),
          device: device(values),
          options: {
            ...sampler,
            outdir,
            seeds: string(values, 'seeds') ?? '0-63',
            subdirs: values.subdirs === true,
            class: number(values, 'class'),
            batch: number(values, 'batch'),
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
      const summary = await compute(
        {
          kind: 'measure',
          key: 'fd',
          images: path.resolve(required(values, 'images')),
          reference: resolveFile(reference, 'reference', process.cwd()),
          detector: detectorFor({ reference, detector: string(values, 'detector') }, process.cwd()),
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
      console.log(`${summary.metric}, N = ${summary.num}, reference ${summary.reference.name}`);
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
          detector: resolveFile(required(values, 'detector'), 'detector', process.cwd()),
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
  import: {
    usage: 'import NET.pkl|NET.safetensors|training-state.pt|INCEPTION.pth|DETECTOR.onnx -o MODEL.onnx',
    summary: 'Convert an EDM network or a detector to ONNX without executing anything in it',
    options: { out: { type: 'string', short: 'o' } },
    async run(values, positionals) {
      const { importModel } = await import('./onnx/import-source');
      const dest = path.resolve(required(values, 'out'));
      const info = await importModel(path.resolve(only(positionals, 'a network or detector file')), dest);
      const what =
        info.kind === 'denoiser'
          ? `${info.precond}, ${info.architecture}, ${info.img_resolution}x${info.img_resolution}, ${info.parameters} parameters`
          : `detector ${info.name}, ${info.dimension} features; its distance is shown as ${metricName(info)}`;
      console.log(`${relative(dest)}: ${what}`);
      return 0;
    },
  },
  history: {
    usage: 'history [FOLDER] [--json]',
    summary: 'All recorded results of the repository',
    options: { json: flag },
    async run(values, positionals) {
      const root = await repositoryRoot(path.resolve(positionals[0] ?? '.'));
      const { records, problems } = await readHistory(root);
      for (const problem of problems) console.error(problem);
      if (values.json) return (print(records), 0);
      for (const { code, name, metric, value, num, sampler, time } of records) {
        const commit = code.short + (code.dirty ? '-dirty' : '');
        console.log(
          `${time.slice(0, 16).replace('T', ' ')}  ${commit.padEnd(13)}  ${name}  ${sampler.steps} steps  ${metric}, N = ${num}: ${formatG(value)}  ${code.subject}`,
        );
      }
      return 0;
    },
  },
  lint: {
    usage: 'lint FILE... [--scheduler slurm|lsf] [--format text|json|sarif] [--fix]',
    summary: 'Check batch scripts and run configs; exit 0 clean, 1 errors found, 2 could not run',
    options: { scheduler: text, format: text, fix: flag },
    async run(values, positionals) {
      if (positionals.length === 0) throw new UserError('lint: give the files to check');
      const scheduler = choice(values, 'scheduler', ['slurm', 'lsf'] as const);
      const format = choice(values, 'format', Object.keys(LINT_FORMATS)) ?? 'text';
      const findings = (
        await Promise.all(positionals.map((file) => lintFile(file, { scheduler, fix: values.fix === true })))
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

function string(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

function required(values: Values, name: string): string {
  const value = string(values, name);
  if (!value) throw new UserError(`Missing option --${name}`);
  return value;
}

function number(values: Values, name: string): number | undefined {
  const given = string(values, name);
  if (given === undefined) return undefined;
  const value = given === 'inf' ? Infinity : Number(given);
  if (given.trim() === '' || Number.isNaN(value)) throw new UserError(`--${name} ${given}: must be a number`);
  return value;
}

function choice<T extends string>(values: Values, name: string, allowed: readonly T[]): T | undefined {
  const given = string(values, name);
  if (given === undefined || allowed.includes(given as T)) return given as T | undefined;
  throw new UserError(`--${name} ${given}: choose one of ${allowed.join(', ')}`);
}

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

function device(values: Values): DeviceChoice {
  return choice(values, 'device', DEVICES) ?? 'auto';
}

function only(positionals: readonly string[], what: string): string {
  if (positionals.length !== 1) throw new UserError(`Give ${what}, and nothing else`);
  return positionals[0];
}

function none(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UserError(`Unexpected argument "${positionals[0]}"`);
}

function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

function relative(file: string): string {
  const short = path.relative(process.cwd(), file);
  return short.startsWith('..') ? file : short || '.';
}

function usage(): string {
  const lines = Object.values(COMMANDS).map(({ usage: line, summary }) => `  edm-workbench ${line}\n      ${summary}`);
  return ['Usage:', ...lines, '  edm-workbench lsp --stdio\n      The language server, for any editor'].join('\n');
}

async function main(argv: string[]): Promise<number> {
  if (argv[0] === 'lsp') {
    await import('./lsp');
    return new Promise(() => undefined);
  }
  if (argv.length === 0 || argv.includes('--help') || argv.includes('-h')) {
    console.log(usage());
    return argv.length === 0 ? 2 : 0;
  }
  const two = argv.slice(0, 2).join(' ');
  const name = two in COMMANDS ? two : argv[0];
  const command = COMMANDS[name];
  if (!command) {
    const hint = didYouMean(two, Object.keys(COMMANDS)) ?? didYouMean(argv[0], Object.keys(COMMANDS));
    throw new UserError(
      `Unknown command "${argv[0]}"${hint ? `: did you mean "${hint}"?` : '; edm-workbench --help lists them'}`,
    );
  }
  const args = argv.slice(name.split(' ').length);
  const { values, positionals } = parse(command, args, name);
  const controller = new AbortController();
  // The first interrupt ends cleanly between two images; a second one ends at once.
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    console.error('\nStopping after the current batch; interrupt again to stop at once');
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const report = progressLine(process.stderr);
  try {
    return await command.run(values, positionals, { report, signal: controller.signal });
  } finally {
    report.end();
  }
}

function parse(command: Command, args: string[], name: string): { values: Values; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args, options: command.options, allowPositionals: true });
    return { values: values as Values, positionals };
  } catch (error) {
    const unknown = /Unknown option '--?([^'=]+)/.exec((error as Error).message)?.[1];
    if (unknown === undefined) throw new UserError(`${name}: ${(error as Error).message.split('. ')[0]}`);
    const hint = didYouMean(unknown, Object.keys(command.options));
    throw new UserError(`${name} has no option --${unknown}${hint ? `: did you mean --${hint}?` : ''}`);
  }
}

void main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    if (error instanceof CancelledError) {
      console.error('Cancelled: finished images are kept, run the same command again to continue');
      process.exitCode = 130;
    } else if (error instanceof UserError) {
      console.error(`Error: ${error.message}`);
      process.exitCode = error.exitCode;
    } else {
      console.error(error);
      process.exitCode = 70;
    }
  },
);
