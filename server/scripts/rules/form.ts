import { BOTH, SLURM, links, type Hit, type Rule } from './rule';

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
      const end = text.lines[0]?.text.length ?? 0;
      const like = /^\s+#!.*/.exec(text.text);
      yield {
        start: 0,
        end,
        message: 'The script does not begin with #!, so sbatch refuses it',
        fix: like
          ? { title: 'Move #! to the start', edits: [{ start: 0, end: like[0].indexOf('#!'), newText: '' }] }
          : {
              title: 'Insert #!/bin/bash',
              edits: [{ start: 0, end: 0, newText: `#!/bin/bash${text.lines[0]?.eol || '\n'}` }],
            },
      };
    },
  },
  {
    id: 'byte-order-mark',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'The script begins with a byte order mark',
    why: 'Some editors put three invisible bytes before the first line; the scheduler then finds no `#!` there.',
    remedy: 'Save the file as UTF-8 without a byte order mark.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text }) {
      if (text.text.startsWith('\ufeff'))
        yield {
          start: 0,
          end: 1,
          message: 'A byte order mark stands before the first line',
          fix: { title: 'Remove the byte order mark', edits: [{ start: 0, end: 1, newText: '' }] },
        };
    },
  },
  {
    id: 'dos-line-ends',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'Windows line ends',
    why: 'sbatch refuses the script ("contains DOS line breaks"); under LSF the shell stumbles over `\\r` in every command.',
    remedy: 'Save the file with LF line ends.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text }) {
      const line = text.lines.find(({ eol }) => eol === '\r\n');
      if (!line) return;
      const start = line.offset + line.text.length;
      yield {
        start,
        end: start + 2,
        message: 'The script has Windows line ends (CR LF)',
        fix: {
          title: 'Change all line ends to LF',
          edits: text.lines.flatMap(({ eol, offset, text: content }) =>
            eol === '\r\n' ? [{ start: offset + content.length, end: offset + content.length + 2, newText: '\n' }] : [],
          ),
        },
      };
    },
  },
  {
    id: 'carriage-return',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'depends',
    title: 'A lone carriage return',
    why: 'An editor shows a new line, the scheduler and the shell do not: what follows belongs to the line before.',
    remedy: 'Save the file with LF line ends.',
    link: links.bash,
    fixable: true,
    check: function* ({ text, directives }) {
      const at = text.lines.findIndex(({ eol }) => eol === '\r');
      const line = text.lines[at];
      if (!line) return;
      const start = line.offset + line.text.length;
      yield {
        start,
        end: start + 1,
        message: 'A lone carriage return is no end of line',
        // Behind a directive, the rest of the "line" becomes words of the directive.
        ...(directives.lines.some((directive) => directive.line === at) && { severity: 'error' as const }),
        fix: {
          title: 'Change to LF',
          edits: text.lines.flatMap(({ eol, offset, text: content }) =>
            eol === '\r' ? [{ start: offset + content.length, end: offset + content.length + 1, newText: '\n' }] : [],
          ),
        },
      };
    },
  },
  {
    id: 'nul-character',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A NUL character in the script',
    why: 'sbatch refuses scripts that contain one; it is a sign of a damaged file or of UTF-16.',
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
      yield {
        start: at,
        end: at + 1,
        message: 'The script contains a NUL character',
        fix: { title: 'Remove NUL characters', edits },
      };
    },
  },
  {
    id: 'late-directive',
    severity: 'error',
    schedulers: SLURM,
    effect: 'ignored',
    title: 'A directive below the first command',
    why: 'sbatch stops reading directives at the first line that is neither blank nor comment. Everything below is silently a comment: the job runs with defaults.',
    remedy: 'Move all #SBATCH lines above the first command.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const { text, directives } = script;
      const late = directives.lines.filter((directive) => directive.late);
      const command = text.lines[directives.firstCommand];
      if (!late.length || !command) return;
      // All of them move together and keep their order, whichever one is fixed.
      const at = command.offset;
      const moved = late.map(({ line }) => `${text.lines[line]?.text.trim() ?? ''}\n`).join('');
      const removals = late.map(({ line }) => {
        const removal = text.lineRemoval(line);
        return { start: text.offsetAt(removal.start), end: text.offsetAt(removal.end), newText: '' };
      });
      const fix = {
        title:
          late.length > 1
            ? `Move ${late.length} directives above the first command`
            : 'Move the directive above the first command',
        edits: [{ start: at, end: at, newText: moved }, ...removals],
      };
      for (const { line } of late) {
        const { start, end } = text.lineRange(line);
        yield {
          start: text.offsetAt(start),
          end: text.offsetAt(end),
          message: `Slurm ignores this directive: it stands below the first command (line ${directives.firstCommand + 1})`,
          fix,
          related: [
            {
              start: command.offset,
              end: command.offset + command.text.length,
              message: 'The first command: sbatch reads directives up to here',
            },
          ],
        };
      }
    },
  },
  {
    id: 'directive-misspelt',
    severity: 'error',
    schedulers: BOTH,
    effect: 'ignored',
    title: 'A misspelt directive',
    why: '`#SBTACH` or `#sbatch` is a plain comment to the scheduler, so the option is silently missing.',
    remedy: 'Write #SBATCH (or #BSUB) exactly so.',
    link: links.sbatch,
    fixable: true,
    check: (script) =>
      lookalikes(
        script,
        ['misspelt', 'case'],
        (found, keyword) => `"${found}" is a comment to the scheduler; ${keyword} is meant`,
      ),
  },
  {
    id: 'directive-indented',
    severity: 'error',
    schedulers: SLURM,
    effect: 'ignored',
    title: 'An indented directive',
    why: 'sbatch wants #SBATCH at the very start of the line; behind blanks it is a comment.',
    remedy: 'Remove the blanks before #SBATCH.',
    link: links.sbatch,
    fixable: true,
    check: (script) =>
      lookalikes(script, ['indented'], () => 'Slurm ignores this directive: blanks stand before #SBATCH'),
  },
  {
    id: 'directive-spaced',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'ignored',
    title: 'A blank between # and SBATCH',
    why: '`# SBATCH` is a comment. If that is meant, `##SBATCH` says so more clearly.',
    remedy: 'Write #SBATCH to switch it on, or ##SBATCH to keep it off.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const hit of lookalikes(
        script,
        ['spaced'],
        () => 'Slurm ignores this line: a blank stands between # and SBATCH',
      ))
        yield {
          ...hit,
          alternatives: [
            {
              title: 'Keep it switched off as ##SBATCH',
              edits: [{ start: hit.start, end: hit.end, newText: '##SBATCH' }],
            },
          ],
        };
    },
  },
  {
    id: 'non-breaking-space',
    severity: 'error',
    schedulers: BOTH,
    effect: 'depends',
    title: 'A space that is no space',
    why: 'A non-breaking or other typographic space, pasted from a web page, is a letter to the scheduler: the option is refused or its value changed.',
    remedy: 'Replace it by an ordinary space.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ text, directives }) {
      for (const { line, body, comment, late } of directives.lines) {
        const content = text.lines[line];
        if (!content || late) continue;
        const end = comment ?? content.offset + content.text.length;
        const stretch = text.text.slice(body, end);
        if (!unicodeSpace.test(stretch)) continue;
        const found = [...stretch.matchAll(new RegExp(`${unicodeSpace.source}+`, 'g'))];
        const edits = found.map((run) => ({
          start: body + run.index,
          end: body + run.index + run[0].length,
          newText: ' ',
        }));
        const first = edits[0];
        if (first)
          yield {
            start: first.start,
            end: first.end,
            message: 'A non-breaking space stands where the scheduler wants an ordinary one',
            fix: { title: 'Replace by ordinary spaces', edits },
          };
      }
    },
  },
  {
    id: 'mixed-directives',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'Directives of both schedulers',
    why: 'sbatch obeys #BSUB and #PBS lines too, after the #SBATCH lines, so that their values win; bsub ignores #SBATCH.',
    remedy: 'Keep one kind, or add `#SBATCH --ignore-pbs`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const { directives, text } = script;
      const first = directives.foreign[0];
      if (!first || script.option('--ignore-pbs')) return;
      const range = text.lineRange(first.line);
      const { offset, before, after } = script.directiveInsertion;
      const slurm = directives.scheduler === 'slurm';
      const fix = slurm
        ? {
            fix: {
              title: 'Add #SBATCH --ignore-pbs',
              edits: [{ start: offset, end: offset, newText: `${before}#SBATCH --ignore-pbs${after}` }],
            },
          }
        : {};
      yield {
        start: text.offsetAt(range.start),
        end: text.offsetAt(range.end),
        message: slurm ? 'sbatch obeys this #BSUB line too, after the #SBATCH lines' : 'bsub ignores #SBATCH lines',
        ...(slurm ? {} : { severity: 'info' as const }),
        ...fix,
      };
    },
  },
];

function* lookalikes(
  { text, directives }: Parameters<Rule['check']>[0],
  kinds: readonly string[],
  message: (found: string, keyword: string) => string,
): Generator<Hit> {
  for (const { start, end, keyword, kind } of directives.lookalikes)
    if (kinds.includes(kind))
      yield {
        start,
        end,
        message: message(text.text.slice(start, end).trim(), keyword),
        fix: { title: `Change to ${keyword}`, edits: [{ start, end, newText: keyword }] },
      };
}
