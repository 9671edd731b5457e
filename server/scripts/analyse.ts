import { TextDocument, type Range, type TextEdit } from 'vscode-languageserver-textdocument';
import type { SchedulerName } from '../shared/scheduler-name';
import { FILLED_IN, type EmbeddedScript } from './reading/embedded';
import type { Finding, Fix } from './reading/finding';
import { readScript, readScripts } from './reading/read-script';
import type { Script, ScriptContext } from './reading/script';
import { comparePositions, ScriptText, type Span } from './reading/text';
import { rules } from './rules';
import type { OffsetFix } from './rules/fixes';
import type { Hit, Rule } from './rules/rule';
import { isFilledIn, withoutTemplate } from './unfilled';

/** What is found in a script. */
interface Analysis {
  /** The scheduler it is written for; undefined for a file without directives, which is not a batch script. */
  scheduler: SchedulerName | undefined;
  /** In the order of the text. */
  findings: Finding[];
}

/**
 * Checks a batch script.
 * @param text the script, in memory as the editor has it (a byte order mark may be there as U+FEFF)
 * @param context the cluster, disabled rules and so on; see `ScriptContext`
 */
export function analyse(text: string, context: ScriptContext = {}): Analysis {
  const read = readScripts(text, context);
  if (!read) return { scheduler: undefined, findings: analyseCalls(text, context) };
  const comments = disablingComments(read.text);
  const off = new Set([...(context.disabled ?? []), ...comments.everywhere]);
  const findings = read.script ? findingsOf(read.script, off, inPlace(read.text)) : analyseCalls(text, context);
  for (const embedded of read.embedded) {
    // Of the outer script's surroundings only the cluster holds: the inner one is submitted from who knows where.
    const inner = readScript(embedded.text, { cluster: context.cluster });
    if (inner) findings.push(...findingsOf(inner, off, within(embedded, read.text, inner)));
  }
  const kept = findings.filter(({ id, start }) => !comments.lines.get(start.line)?.has(id));
  kept.sort((a, b) => comparePositions(a.start, b.start));
  return { scheduler: read.script?.scheduler, findings: withoutTemplate(kept, read.text) };
}

/** What is wrong with the calls of a script without directives that submits others. */
export function analyseCalls(text: string, context: ScriptContext): Finding[] {
  if (!/\bbsub\b/.test(text)) return [];
  const script = readScript(text, { ...context, scheduler: 'lsf' });
  if (!script) return [];
  const { everywhere, lines } = disablingComments(script.text);
  const off = new Set([...(context.disabled ?? []), ...everywhere]);
  return findingsOf(
    script,
    off,
    inPlace(script.text),
    rules.filter(({ anywhere }) => anywhere),
  ).filter(({ id, start }) => !lines.get(start.line)?.has(id));
}

function findingsOf(script: Script, off: ReadonlySet<string>, place: Place, asked: readonly Rule[] = rules): Finding[] {
  const findings: Finding[] = [];
  if (off.has('all')) return findings;
  for (const rule of asked) {
    if (off.has(rule.id) || !rule.schedulers.includes(script.scheduler) || (rule.needsCluster && !script.cluster))
      continue;
    for (const hit of rule.check(script)) {
      const finding = toFinding(place, rule, hit);
      if (finding) findings.push(finding);
    }
  }
  return findings;
}

/** How what rules report becomes a finding in the document. */
interface Place {
  range: (span: Span) => Range;
  /** A fix's new text as it must be written; undefined where that is not possible. */
  written: (newText: string) => string | undefined;
  /** Whether a hit depends on something that is filled in before the scheduler sees the script. */
  unknown: (hit: Span) => boolean;
}

function inPlace(text: ScriptText): Place {
  return { range: (span) => text.range(span), written: (newText) => newText, unknown: () => false };
}

/** The findings of a script within a script, at their places in the outer one. */
function within({ outer, written }: EmbeddedScript, text: ScriptText, inner: Script): Place {
  return {
    range: (span) => text.range(outer(span)),
    written,
    unknown: ({ start, end }) => {
      // What a directive says is known for the whole line or not at all.
      const line = inner.text.lineSpan(inner.text.positionAt(start).line);
      const directive = inner.text.text[line.start] === '#';
      const stretch = directive ? { start: line.start, end: Math.max(end, line.end) } : { start, end };
      const marked = inner.text.slice(stretch);
      return marked.includes(FILLED_IN) || (directive && isFilledIn(marked));
    },
  };
}

/** The text with the preferred fixes of findings applied, whatever they change; of fixes that overlap, only the first. */
export function applyFixes(text: string, findings: readonly Finding[]): string {
  const document = TextDocument.create('', 'shellscript', 0, text);
  const edits: TextEdit[] = [];
  const taken: Span[] = [];
  const seen = new Set<string>();
  for (const { fix } of findings) {
    if (!fix) continue;
    // Several findings may share one fix (all late directives move together).
    const key = JSON.stringify(fix.edits);
    if (seen.has(key)) continue;
    const spans = fix.edits.map(({ range }) => ({
      start: document.offsetAt(range.start),
      end: document.offsetAt(range.end),
    }));
    if (spans.some((span) => taken.some((other) => overlap(other, span)))) continue;
    seen.add(key);
    taken.push(...spans);
    edits.push(...fix.edits);
  }
  // What is inserted at the start of a replaced stretch comes before it.
  const empty = ({ range }: TextEdit): number => (comparePositions(range.start, range.end) === 0 ? 0 : 1);
  edits.sort((a, b) => comparePositions(a.range.start, b.range.start) || empty(a) - empty(b));
  return TextDocument.applyEdits(document, edits);
}

/** Whether two stretches overlap; a later insertion where a change begins does too, as what it is meant for changes. */
function overlap(earlier: Span, later: Span): boolean {
  if (later.start === later.end && later.start === earlier.start) return earlier.end > earlier.start;
  return later.start < earlier.end && earlier.start < later.end;
}

/** Applies all fixes that keep the meaning, again until nothing changes: one fix may uncover another finding. */
export function fixAll(text: string, context: ScriptContext = {}): string {
  let current = text;
  for (let pass = 0; pass < 8; pass++) {
    const { findings } = analyse(current, context);
    const fixed = applyFixes(current, findings.filter(({ fix }) => fix?.keepsMeaning)); // prettier-ignore
    if (fixed === current) break;
    current = fixed;
  }
  return current;
}

/** A rule's hit as a finding; undefined where it depends on something that is not known. */
function toFinding(place: Place, rule: Rule, hit: Hit): Finding | undefined {
  if (place.unknown(hit)) return undefined;
  const toFix = ({ title, edits, elsewhere, keepsMeaning = false }: OffsetFix): Fix[] => {
    const made: TextEdit[] = [];
    for (const edit of edits) {
      const newText = place.written(edit.newText);
      if (newText === undefined) return [];
      made.push({ range: place.range(edit), newText });
    }
    return [{ title, edits: made, keepsMeaning, ...(elsewhere?.length && { elsewhere: elsewhere.map(inFile) }) }];
  };
  const finding: Finding = {
    id: rule.id,
    severity: hit.severity ?? rule.severity,
    message: hit.message.replaceAll(FILLED_IN, '...'),
    remedy: hit.remedy ?? rule.remedy,
    ...place.range({ start: hit.start, end: Math.max(hit.start, hit.end) }),
  };
  const [fix] = hit.fix ? toFix(hit.fix) : [];
  if (fix) finding.fix = fix;
  if (hit.alternatives?.length) finding.alternatives = hit.alternatives.flatMap(toFix);
  if (hit.related?.length)
    finding.related = hit.related.map(({ start, end, message }) => ({ ...place.range({ start, end }), message }));
  return finding;
}

function inFile({
  path,
  text,
  edits,
}: NonNullable<OffsetFix['elsewhere']>[number]): NonNullable<Fix['elsewhere']>[number] {
  const document = new ScriptText(text);
  return { path, edits: edits.map((edit) => ({ range: document.range(edit), newText: edit.newText })) };
}

/** `# edm-workbench: disable=ID,ID`: alone on its line for the whole script, after a command for that line. */
function disablingComments(text: ScriptText): { everywhere: string[]; lines: Map<number, Set<string>> } {
  const everywhere: string[] = [];
  const lines = new Map<number, Set<string>>();
  if (!text.text.includes('edm-workbench:')) return { everywhere, lines };
  text.lines.forEach(({ text: line }, number) => {
    const found = /^(.*?)#\s*edm-workbench:\s*disable=([\w,\s-]+)/.exec(line);
    if (!found) return;
    const ids = (found[2] ?? '').split(/[\s,]+/).filter(Boolean);
    if (found[1]?.trim()) lines.set(number, new Set(ids));
    else everywhere.push(...ids);
  });
  return { everywhere, lines };
}
