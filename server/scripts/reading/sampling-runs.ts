/** What a script makes with networks, and what it measures: for rules about published networks. */
import { EDM2_PRESETS } from '../../published/edm2-presets';
import { DEFAULT_STEPS } from '../../shared/defaults';
import { optionOf, writtenValue, type Invocation } from './invocations';
import { knownProgram, programByProgram, valueOf, type KnownProgram } from './known-programs';
import { perScript } from './script';

/** A program that makes images with a network. */
export interface SamplingRun {
  known: KnownProgram;
  /** File or address; undefined where the script does not tell. */
  network: string | undefined;
  /** The folder of the images, in the form of `folderOf`. */
  folder: string | undefined;
  class: number | undefined;
  /** Steps of EDM's own sampler, the default filled in; undefined for any other one, and where it is not told. */
  steps: number | undefined;
}

/** A program that compares images with a reference. */
export interface Measurement {
  known: KnownProgram;
  folder: string | undefined;
  /** File or address; undefined where the script does not tell. */
  reference: string | undefined;
}

/** Options that select generate.py's ablation sampler, which has published figures of its own kind. */
const ablation = ['solver', 'disc', 'schedule', 'scaling'];

const samplers: ReadonlySet<string> = new Set(['generate.py', 'generate_images.py']);

/** The programs of a script that make images; several rules ask for them. */
export const samplingRuns = perScript((script): readonly SamplingRun[] =>
  programByProgram(script.inInvocations(samplingRun), ({ known }) => known),
);

function samplingRun(invocation: Invocation): SamplingRun | undefined {
  if (!invocation.program.endsWith('.py')) return undefined;
  const known = knownProgram(invocation);
  if (!known) return undefined;
  const { program } = known.program;
  const isSampling = samplers.has(program) || (program === 'calculate_metrics.py' && known.subcommand === 'gen');
  return isSampling ? samplingOf(known) : undefined;
}

function samplingOf(known: KnownProgram): SamplingRun {
  const isEdm = known.program.program === 'generate.py';
  const steps = optionOf(known.invocation, 'steps');
  const label = wholeNumber(valueOf(known, 'class'));
  return {
    known,
    network: networkOf(known),
    folder: folderOf(known.invocation, 'outdir'),
    class: label,
    steps: !isEdm || optionOf(known.invocation, ...ablation) ? undefined : steps ? wholeNumber(steps.value) : DEFAULT_STEPS, // prettier-ignore
  };
}

/** The network of a program: the one that is given, or that of its preset. */
export function networkOf(known: KnownProgram): string | undefined {
  const given = optionOf(known.invocation, 'network', 'net');
  if (given) return given.value;
  const net = EDM2_PRESETS.get(valueOf(known, 'preset') ?? '')?.net;
  return net === undefined ? undefined : `${net}.pkl`;
}

/** The programs of a script that compare images with a reference; several rules ask for them. */
export const measurements = perScript((script): readonly Measurement[] =>
  programByProgram(script.inInvocations(measurement), ({ known }) => known),
);

function measurement(invocation: Invocation): Measurement | undefined {
  const known = knownProgram(invocation);
  const isMeasuring = known?.subcommand === 'calc' || known?.subcommand === 'gen';
  if (!known || !isMeasuring) return undefined;
  return { known, folder: folderOf(invocation, 'images'), reference: valueOf(known, 'ref') };
}

/** A folder that an option names, so that two mentions can be compared: with its variables, where they are not known. */
function folderOf(invocation: Invocation, name: string): string | undefined {
  const option = optionOf(invocation, name);
  const raw = option && writtenValue(invocation, option);
  if (!option || raw === undefined) return undefined;
  const written = option.value ?? raw.replace(/["']/g, '').replace(/\$\{(\w+)\}/g, '$$$1'); // prettier-ignore
  return written.replace(/^\.\/+/, '').replace(/(?<!\/)\/+$/, '');
}

function wholeNumber(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
