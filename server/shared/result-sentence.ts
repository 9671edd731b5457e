/** A measured number with all that it depends on in one sentence, ready to paste into a paper or a README. Pure. */
import { countOf, countText, withError } from './number-text';
import { NUMBER_OPTIONS, optionText, OWN_OPTIONS } from './sampler-options';
import type { HistoryRecord } from './schema-types.gen';
import { DEFAULT_SOLVER } from './solvers';

/** Ways of writing it. */
export const SENTENCE_STYLES = ['markdown', 'latex'] as const;
/** One of `SENTENCE_STYLES`. */
export type SentenceStyle = (typeof SENTENCE_STYLES)[number];

/** How a style writes what is not plain words. */
interface Style {
  /** A name that somebody else has chosen: a file, a commit, options. */
  name: (text: string) => string;
  /** A value and its standard error. */
  value: (value: string, error: string | undefined) => string;
}

const LATEX_SIGNS: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
};

/** A text with what LaTeX would take for a command escaped. */
export function latexText(text: string): string {
  return text.replace(/[\\~^]|[#$%&_{}]/g, (sign) => LATEX_SIGNS[sign] ?? `\\${sign}`);
}

const STYLES: Readonly<Record<SentenceStyle, Style>> = {
  markdown: {
    // A code span ends at as many backquotes as it begins with.
    name: (text) => (text.includes('`') ? `\`\` ${text.replaceAll('``', '` `')} \`\`` : `\`${text}\``),
    value: (value, error) => (error === undefined ? value : `${value} ± ${error}`),
  },
  latex: {
    name: (text) => `\\texttt{${latexText(text)}}`,
    value: (value, error) => `$${value}${error === undefined ? '' : ` \\pm ${error}`}$`,
  },
};

/** What differs in accepted code, in a few words. */
function acceptedText(names: readonly string[]): string {
  return names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}

/**
 * `FID 1.97 ± 0.02 (standard error) with ...`: metric, value, error, detector, reference, N, seeds, least of how many, network,
 * sampler, commit. What is not known is left out.
 */
export function resultSentence(record: HistoryRecord, style: SentenceStyle): string {
  const { name, value } = STYLES[style];
  const [distance, error] = withError(record.value, record.standard_error).split(' +- ');
  const { detector, reference, repeats, num, seeds, class: label, network, sampler, code } = record;
  const isExact = error !== undefined;
  const parts = [
    `${metricText(record)} ${value(distance ?? '', error)}${isExact ? ' (standard error)' : ''}`,
    `detector ${name(detector.name)}${detector.published ? ' (Inception-v3, 2015-12-05)' : ''}, ${countOf(detector.dimension, 'feature')}`,
    `reference ${name(reference.name)} (${reference.num === undefined ? '' : `${countOf(reference.num, 'image')}, `}SHA-256 ${name(reference.sha256.slice(0, 12))})`,
    `N = ${countText(num)}${seeds === undefined ? '' : `, seeds ${name(seeds)}`}${label === undefined ? '' : `, class ${label}`}`,
    repeats && `the least of ${repeats.length} equal parts (${repeats.map((one) => withError(one, undefined)).join(', ')})`,
    network && `network ${name(network.name)}${network.training_commit ? `, trained at commit ${name(network.training_commit.slice(0, 12))}` : ''}${network.accepted_code ? `, its own source (${name(acceptedText(network.accepted_code))}) accepted for the published one` : ''}`,
    sampler && `${name(optionsOf(sampler))}, ${countOf(sampler.nfe, 'evaluation')} per image`,
    `commit ${name(code.short)}${code.dirty ? ' with uncommitted changes' : ''}`,
  ];
  return `${parts.filter((part) => part !== undefined).join('; ')}.`;
} // prettier-ignore

/** `FID`, or `FD`: its detector follows. */
function metricText({ metric }: HistoryRecord): string {
  return metric.split(' (', 1).join();
}

/** The options that differ from generate.py's defaults, as it takes them. */
function optionsOf(sampler: NonNullable<HistoryRecord['sampler']>): string {
  const { solver = DEFAULT_SOLVER, disc, schedule, scaling } = sampler;
  const given = [
    ['solver', solver],
    ...[...NUMBER_OPTIONS, ...OWN_OPTIONS].map((key) => [key, sampler[key]] as const),
    ...Object.entries({ disc, schedule, scaling }),
  ] as const;
  return given
    .filter(([, option]) => option !== undefined)
    .map(([key, option]) => `${key} ${optionText(option)}`)
    .join(' ');
}
