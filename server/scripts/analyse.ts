import { TextDocument, type TextEdit } from 'vscode-languageserver-textdocument';
import type { SchedulerName } from '../shared/scheduler-name';
import type { Finding, Fix } from './reading/finding';
import { readScript } from './reading/read-script';
import type { ScriptContext } from './reading/script';
import { comparePositions, type ScriptText, type Span } from './reading/text';
import { rules } from './rules';
import type { OffsetFix } from './rules/fixes';
import type { Hit, Rule } from './rules/rule';

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
  const script = readScript(text, context);
  if (!script) return { scheduler: undefined, findings: [] };
  const off = new Set(context.disabled ?? []);
  const comments = disablingComments(script.text);
  for (const id of comments.everywhere) off.add(id);
  const findings: Finding[] = [];
  for (const rule of rules) {
    if (
      off.has(rule.id) ||
      off.has('all') ||
      !rule.schedulers.includes(script.scheduler) ||
      (rule.needsCluster && !script.cluster)
    )
      continue;
    for (const hit of rule.check(script)) {
      const finding = toFinding(script.text, rule, hit);
      if (!comments.lines.get(finding.start.line)?.has(rule.id)) findings.push(finding);
    }
  }
  findings.sort((a, b) => comparePositions(a.start, b.start));
  return { scheduler: script.scheduler, findings };
}

/** The text with the preferred fixes of findings applied; of fixes that overlap, only the first is applied. */
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

/** Applies all fixes, again until nothing changes: one fix may uncover another finding. */
export function fixAll(text: string, context: ScriptContext = {}): string {
  let current = text;
  for (let pass = 0; pass < 8; pass++) {
    const fixed = applyFixes(current, analyse(current, context).findings);
    if (fixed === current) break;
    current = fixed;
  }
  return current;
}

function toFinding(text: ScriptText, rule: Rule, hit: Hit): Finding {
  const toFix = ({ title, edits }: OffsetFix): Fix => ({
    title,
    edits: edits.map((edit) => ({ range: text.range(edit), newText: edit.newText })),
  });
  const finding: Finding = {
    id: rule.id,
    severity: hit.severity ?? rule.severity,
    message: hit.message,
    remedy: hit.remedy ?? rule.remedy,
    ...text.range({ start: hit.start, end: Math.max(hit.start, hit.end) }),
  };
  if (hit.fix) finding.fix = toFix(hit.fix);
  if (hit.alternatives?.length) finding.alternatives = hit.alternatives.map(toFix);
  if (hit.related?.length)
    finding.related = hit.related.map((place) => ({ ...text.range(place), message: place.message }));
  return finding;
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
