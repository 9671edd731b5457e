import { parseDirectives, type Lookalike } from '../reading/directives';
import type { Script } from '../reading/script';
import { ScriptText, type Line } from '../reading/text';
import { addsOnly, optionsIn } from './additions';
import { addDirective, insert, keeping, remove, removeLines, replace, type OffsetEdit, type OffsetFix } from './fixes';
import { BOTH, SLURM, hit, links, related, type Hit, type Rule } from './rule';

const unicodeSpace = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]/;

/** Rules about the script as a file: its first line, its line ends, and lines that only look like directives. */
export const formRules: readonly Rule[] = [
  {
    id: 'shebang-missing',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'The first line is not a shebang',
    why: 'sbatch refuses a script whose first two characters are not `#!`.',
    remedy: 'Begin the script with `#!/bin/bash`.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text }) {
      if (text.text.startsWith('#!') || text.text.startsWith('\ufeff')) return;
      const like = /^\s+#!.*/.exec(text.text);
      yield hit({ start: 0, end: text.lineSpan(0).end }, 'The script does not begin with #!, so sbatch refuses it', {
        fix: keeping(
          like
            ? remove({ start: 0, end: like[0].indexOf('#!') }, 'Move #! to the start')
            : insert(0, `#!/bin/bash${text.lines[0]?.eol || '\n'}`, 'Insert #!/bin/bash'),
        ),
      });
    },
  },
  {
    id: 'byte-order-mark',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'The script begins with a byte order mark',
    why: 'Some editors write three invisible bytes before the first line, so the scheduler does not find `#!` there.',
    remedy: 'Save the file as UTF-8 without a byte order mark.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text }) {
      const mark = { start: 0, end: 1 };
      if (text.text.startsWith('\ufeff'))
        yield hit(mark, 'There is a byte order mark before the first line', {
          fix: keeping(remove(mark, 'Remove the byte order mark')),
        });
    },
  },
  {
    id: 'dos-line-ends',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'Windows line endings',
    why: 'sbatch refuses the script ("contains DOS line breaks"); under LSF the `\\r` becomes part of every command, and the shell fails.',
    remedy:
      'Save the file with LF line endings. Where git on Windows makes them, a line such as `*.slurm text eol=lf` in .gitattributes keeps it from that.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text }) {
      const [first, ...others] = lineEnds(text, '\r\n');
      if (first)
        yield hit(first, 'The script has Windows line endings (CR LF)', {
          fix: keeping({ title: 'Change all line endings to LF', edits: [first, ...others] }),
        });
    },
  },
  {
    id: 'carriage-return',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'depends',
    title: 'A lone carriage return',
    why: 'An editor shows a new line here, but to the scheduler and the shell the line goes on.',
    remedy: 'Save the file with LF line endings.',
    link: links.bash,
    fixable: true,
    check: function* ({ text, directives }) {
      const [first, ...others] = lineEnds(text, '\r');
      if (!first) return;
      const line = text.lines.findIndex(({ eol }) => eol === '\r');
      yield hit(first, 'A lone carriage return does not end a line', {
        // After a directive, the rest of the "line" becomes words of the directive.
        severity: directives.lines.some((directive) => directive.line === line) ? 'error' : undefined,
        fix: { title: 'Change to LF', edits: [first, ...others] },
      });
    },
  },
  {
    id: 'nul-character',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A NUL character in the script',
    why: 'sbatch refuses scripts that contain one. It is a sign of a damaged file or of UTF-16.',
    remedy: 'Remove it, or save the file as UTF-8.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text }) {
      const at = text.text.indexOf('\0');
      if (at < 0) return;
      const edits = [...text.text.matchAll(/\0+/g)].map((run) => ({
        start: run.index,
        end: run.index + run[0].length,
        newText: '',
      }));
      yield hit({ start: at, end: at + 1 }, 'The script contains a NUL character', {
        fix: keeping({ title: 'Remove NUL characters', edits }),
      });
    },
  },
  {
    id: 'late-directive',
    severity: 'error',
    schedulers: SLURM,
    effect: 'ignored',
    title: 'A directive below the first command',
    why: 'sbatch stops reading directives at the first line that is neither empty nor a comment. It treats everything below as comments, without a warning: the job runs with default values.',
    remedy: 'Move all #SBATCH lines above the first command.',
    link: links.sbatch,
    fixable: true,
    check: lateDirectives,
  },
  {
    id: 'directive-misspelt',
    severity: 'error',
    schedulers: BOTH,
    effect: 'ignored',
    title: 'A misspelt directive',
    why: 'To the scheduler `#SBTACH` or `#sbatch` is an ordinary comment: the option is missing, without a warning.',
    remedy: 'Write exactly #SBATCH (or #BSUB).',
    link: links.sbatch,
    fixable: true,
    check: (script) =>
      lookalikes(
        script,
        ['misspelt', 'case'],
        (found, keyword) => `To the scheduler "${found}" is a comment; did you mean ${keyword}?`,
      ),
  },
  {
    id: 'directive-indented',
    severity: 'error',
    schedulers: SLURM,
    effect: 'ignored',
    title: 'An indented directive',
    why: 'sbatch expects #SBATCH at the very start of the line; after a space or tab it is a comment.',
    remedy: 'Remove the spaces before #SBATCH.',
    link: links.sbatch,
    fixable: true,
    check: (script) =>
      lookalikes(script, ['indented'], () => 'Slurm ignores this directive because of the spaces before #SBATCH'),
  },
  {
    id: 'directive-spaced',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'ignored',
    title: 'A space between # and SBATCH',
    why: '`# SBATCH` is a comment. Where no line is without the space, or where nothing else says how much of something the job gets, it is hardly meant as one. Elsewhere it mostly is, and this is a hint: `##SBATCH` makes it clearer.',
    remedy: 'Write #SBATCH to switch the directive on, or ##SBATCH to keep it off.',
    link: links.sbatch,
    fixable: true,
    check: spacedDirectives,
  },
  {
    id: 'non-breaking-space',
    severity: 'error',
    schedulers: BOTH,
    effect: 'depends',
    title: 'A space that is not an ordinary space',
    why: 'A non-breaking or other typographic space, often pasted from a web page, is a letter to the scheduler: it refuses the option or reads a different value.',
    remedy: 'Replace it with an ordinary space.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text, activeLines }) {
      for (const { line, body, comment } of activeLines) {
        const stretch = text.text.slice(body, comment ?? text.lineSpan(line).end);
        if (!unicodeSpace.test(stretch)) continue;
        const edits = [...stretch.matchAll(new RegExp(`${unicodeSpace.source}+`, 'g'))].map((run) => ({
          start: body + run.index,
          end: body + run.index + run[0].length,
          newText: ' ',
        }));
        const [first] = edits;
        const fix = { title: 'Replace with ordinary spaces', edits };
        // Between options the scheduler refuses it; within a value it is part of a name that may be meant.
        const refused = !/[^\s-][\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]+[^\s\-#]/.test(stretch);
        if (first)
          yield hit(first, 'There is a non-breaking space where the scheduler expects an ordinary one', {
            fix: refused ? keeping(fix) : fix,
          });
      }
    },
  },
  {
    id: 'mixed-directives',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'Directives of both schedulers',
    why: 'sbatch also obeys #BSUB and #PBS lines, after the #SBATCH lines, so their values win; bsub ignores #SBATCH.',
    remedy: 'Keep one kind, or add `#SBATCH --ignore-pbs`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const [first] = script.directives.foreign;
      if (!first || script.option('--ignore-pbs')) return;
      const place = script.text.lineSpan(first.line);
      if (script.scheduler === 'slurm')
        yield hit(place, 'sbatch also obeys this #BSUB line, after the #SBATCH lines', {
          fix: addDirective(script, '#SBATCH --ignore-pbs'),
        });
      else yield hit(place, 'bsub ignores #SBATCH lines', { severity: 'info' });
    },
  },
];

/** The ends of the lines that end with `eol`, each as an edit that makes it LF. */
function lineEnds(text: ScriptText, eol: Line['eol']): OffsetEdit[] {
  if (!text.text.includes('\r')) return [];
  return text.lines
    .filter((line) => line.eol === eol)
    .map((line) => line.offset + line.text.length)
    .map((start) => ({ start, end: start + eol.length, newText: '\n' }));
}

/** Directives below the first command; all of them move together and keep their order, whichever one is fixed. */
function* lateDirectives(script: Script): Generator<Hit> {
  const { text, directives } = script;
  const late = directives.lines.filter((directive) => directive.late);
  const command = text.lineSpan(directives.firstCommand);
  if (!late.length || directives.firstCommand >= text.lineCount) return;
  const written = late.map(({ line }) => text.slice(text.lineSpan(line)).trim());
  const removals = removeLines(text, late.map(({ line }) => line)); // prettier-ignore
  const names = optionsIn(script, written);
  const what = late.length > 1 ? `${late.length} directives` : 'the directive';
  const moved = {
    title: `Move ${what} above the first command${names && `, so that ${names} take${names.includes(', ') ? '' : 's'} effect`}`,
    edits: [
      { start: command.start, end: command.start, newText: written.map((line) => `${line}\n`).join('') },
      ...removals,
    ],
  };
  const fix = addsOnly(script, written) ? keeping(moved) : moved;
  for (const [i, { line }] of late.entries()) {
    const own = optionsIn(script, written.slice(i, i + 1)) || 'this directive';
    const message = `Slurm ignores ${own} because it is below the first command (line ${directives.firstCommand + 1})`;
    yield hit(text.lineSpan(line), message, {
      fix,
      related: related(command, 'The first command: sbatch reads directives up to here'),
    });
  }
}

/** What jobs get too little of, or none, where the option is missing; each group is one matter. */
const amounts: readonly (readonly string[])[] = [
  ['--time'],
  ['--mem', '--mem-per-cpu', '--mem-per-gpu'],
  ['--gres', '--gpus', '--gpus-per-node', '--gpus-per-task', '--gpus-per-socket'],
  ['--ntasks', '--ntasks-per-node', '--ntasks-per-gpu', '--ntasks-per-socket', '--ntasks-per-core'],
  ['--cpus-per-task', '--cpus-per-gpu'],
];

/** Directives with a space before SBATCH: all of a script, or among others. */
function* spacedDirectives(script: Script): Generator<Hit> {
  const spaced = script.directives.lookalikes.filter(({ kind }) => kind === 'spaced');
  const [first] = spaced;
  if (!first) return;
  const change = (to: string, title: string): OffsetFix => ({ title, edits: spaced.map(({ start, end }) => ({ start, end, newText: to })) }); // prettier-ignore
  if (spaced.length > 1 && !script.activeLines.length && !script.directives.lines.length) {
    yield hit(first, `Slurm ignores all ${spaced.length} directives because of the space between # and SBATCH`, {
      fix: change('#SBATCH', 'Change all to #SBATCH'),
      alternatives: [change('##SBATCH', 'Keep all switched off as ##SBATCH')],
    });
    return;
  }
  const { text } = script;
  const matters = spaced.map((found) => mattersOf(script, `#SBATCH${text.slice({ start: found.end, end: text.lineSpan(found.line).end })}`)); // prettier-ignore
  const given = script.activeOptions.map(({ option }) => option?.name ?? '');
  for (const [i, found] of spaced.entries()) {
    // Several lines about one matter are alternatives to choose from.
    const isMissed = (matter: readonly string[]): boolean =>
      !matter.some((name) => given.includes(name)) && matters.filter((others) => others.includes(matter)).length === 1;
    const severity = matters[i]?.some(isMissed) ? undefined : 'hint';
    yield hit(found, 'Slurm ignores this line because of the space between # and SBATCH', {
      severity,
      fix: replace(found, '#SBATCH'),
      alternatives: [replace(found, '##SBATCH', 'Keep it switched off as ##SBATCH')],
    });
  }
}

/** The amounts that a directive would ask for. */
function mattersOf(script: Script, directive: string): (readonly string[])[] {
  const { options } = parseDirectives(new ScriptText(directive), script.scheduler);
  return amounts.filter((matter) => options.some(({ option }) => option && matter.includes(option.name)));
}

function* lookalikes(
  script: Script,
  kinds: readonly Lookalike['kind'][],
  message: (found: string, keyword: string) => string,
): Generator<Hit> {
  const { text, directives } = script;
  for (const found of directives.lookalikes) {
    if (!kinds.includes(found.kind)) continue;
    const fix = replace(found, found.keyword);
    const line = text.lineSpan(found.line);
    const made = found.keyword + text.text.slice(found.end, line.end);
    const kept = addsOnly(script, [made]);
    yield hit(found, message(text.slice(found).trim(), found.keyword), { fix: kept ? keeping(fix) : fix });
  }
}
