import { bsubCommandOf } from '../reading/bsub-command';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import { replace, type OffsetFix } from './fixes';
import { LSF, hit, links, type Hit, type Rule } from './rule';

/** Rules about the calls that submit scripts. */
export const submissionRules: readonly Rule[] = [
  {
    id: 'lsf-command-file',
    severity: 'warning',
    schedulers: LSF,
    effect: 'runs',
    title: 'A script that bsub runs as a command',
    why: '`bsub job.lsf` starts the file as a program and reads none of its #BSUB lines: no queue, memory, GPU or time of theirs counts. Only `bsub < job.lsf` reads them, and `bsub job.lsf` where the site sets LSB_BSUB_PARSE_SCRIPT=Y.',
    remedy: 'Write `bsub < job.lsf`.',
    link: links.bsub,
    fixable: true,
    anywhere: true,
    check: function* (script) {
      if (script.shell.variables.has('LSB_BSUB_PARSE_SCRIPT')) return;
      yield* calls(script);
      yield* recipes(script);
    },
  },
];

/** Names of files that are written for bsub. */
const lsfFile = /\.(?:lsf|bsub)$/;
/** Names of files that may be. */
const scriptFile = /\.(?:sh|bash|ksh|csh|job|sub|batch)$/;
const directive = /^[ \t]*#[ \t]*BSUB\b/m;

/** Calls in the code. */
function* calls(script: Script): Generator<Hit> {
  for (const { command, name } of script.running('bsub')) {
    if (command.assignments.some((one) => one.name === 'LSB_BSUB_PARSE_SCRIPT')) continue;
    const words = command.words.filter(({ start }) => start > name.start);
    const own = ({ raw, text }: { raw: string; text?: string }): string | undefined =>
      /^["']?\$(?:0|\{0\}|\{?BASH_SOURCE(?:\[0\])?\}?)["']?$/.test(raw) ? ownName(script) : text;
    const found = bsubCommandOf(words.map((word) => own(word)));
    const [file, first] = [words[found?.at ?? -1], words[found?.first ?? -1]];
    if (!found || !file || !first) continue;
    const has = hasDirectives(script, own(file) ?? file.raw.replace(/["']/g, ''), found.hasOptions);
    if (has === undefined) continue;
    const last = words.at(-1);
    yield finding(
      { start: name.start, end: file.end },
      { start: first.start, end: file.end },
      { written: file.raw, has, more: last !== undefined && last !== file },
    );
  }
}

/** Calls in the comments of a script that say how it is submitted. */
function* recipes(script: Script): Generator<Hit> {
  const name = script.context.path?.split(/[\\/]/).pop();
  if (name === undefined || script.activeLines.length === 0) return;
  for (const { text, offset } of script.text.lines) {
    if (!text.includes('bsub ') || !text.includes(name) || !/^\s*#(?!\s*BSUB\b)/.test(text)) continue;
    const call = /(?<![\w.-])bsub\s+(?=\S)/.exec(text);
    if (!call) continue;
    const from = call.index + call[0].length;
    const words = [...text.slice(from).matchAll(/\S+/g)];
    const found = bsubCommandOf(words.map(([word]) => word));
    const [file, first] = [words[found?.at ?? -1], words[found?.first ?? -1]];
    const bare = file?.[0].replace(/^[`'"]|(?<![`'".,;:)])[`'".,;:)]+$/g, '');
    if (!file || !first || bare === undefined || bare.split('/').pop() !== name) continue;
    const start = offset + from + first.index;
    const end = offset + from + file.index + file[0].indexOf(bare) + bare.length;
    yield finding({ start: offset + call.index, end }, { start, end }, { written: bare, has: true, more: false });
  }
}

function finding(
  call: Span,
  command: Span,
  { written, has, more }: { written: string; has: boolean; more: boolean },
): Hit {
  const message = has
    ? `bsub runs ${written} as a command and reads none of its #BSUB lines`
    : `If ${written} has #BSUB lines, bsub does not read them`;
  // With `<` a script gets no arguments.
  const fix: OffsetFix | undefined = more ? undefined : replace(command, `< ${written}`, `Change to bsub < ${written}`);
  return hit(call, message, {
    severity: has ? undefined : 'info',
    fix,
    remedy: more ? `Write \`bsub < ${written}\`, and hand over its arguments as variables with -env.` : undefined,
  });
}

/**
 * Whether the file of a call has #BSUB lines: true or false (it probably does) where a finding is due; undefined where it
 * has none, or is no script.
 */
function hasDirectives(script: Script, file: string, hasOptions: boolean): boolean | undefined {
  const name = file.split('/').pop() ?? '';
  // A script that this one writes itself.
  const written = script.shell.texts.find(({ command }) =>
    command.outputs.some(({ raw }) => raw.replace(/["']/g, '').split('/').pop() === name),
  );
  if (written) return directive.test(script.text.text.slice(written.start, written.end)) || undefined;
  if (name === ownName(script)) return script.activeLines.length > 0 || undefined;
  const sibling = /^(?:\.\/)?[^/]+$/.test(file) ? script.context.siblings?.().find((one) => one.name === name) : undefined; // prettier-ignore
  if (sibling) return directive.test(sibling.text) || undefined;
  if (lsfFile.test(name)) return true;
  // With options on the command line it is often meant as a command.
  return scriptFile.test(name) && !hasOptions ? false : undefined;
}

/** The name of the script itself; a name that no file has where it is not known. */
function ownName({ context: { path } }: Script): string {
  return path?.split(/[\\/]/).pop() ?? '$0';
}
