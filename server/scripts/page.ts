import type { Range } from 'vscode-languageserver-textdocument';
import { analyse, analyseCalls } from './analyse';
import { fencedCode } from './reading/fenced';
import type { Finding, Fix } from './reading/finding';
import type { ScriptContext } from './reading/script';
import { ScriptText } from './reading/text';

/** Whether a file is a page whose blocks of code are looked at. */
export function isPage(file: string): boolean {
  return /\.(?:md|markdown)$/i.test(file);
}

/**
 * What is wrong with the code of a page in Markdown: its whole scripts, and the calls that submit some. A stretch of a
 * script that the text explains lacks what stands elsewhere, and is left alone.
 */
export function analysePage(page: string, { cluster, disabled: off = [], siblings }: ScriptContext): Finding[] {
  const document = new ScriptText(page);
  // Its line ends are the page's, not those of a script.
  const disabled = [...off, 'dos-line-ends'];
  return fencedCode(page).flatMap(({ text, start }) => {
    const whole = text.startsWith('#!');
    const found = whole ? analyse(text, { cluster, disabled }).findings : analyseCalls(text, { disabled, siblings });
    const code = new ScriptText(text);
    const place = (range: Range): Range =>
      document.range({ start: start + code.offsetAt(range.start), end: start + code.offsetAt(range.end) });
    return found.map((finding) => movedTo(finding, place));
  });
}

function movedTo(
  { start, end, fix, alternatives, related, ...rest }: Finding,
  place: (range: Range) => Range,
): Finding {
  const moved = ({ edits, ...one }: Fix): Fix => ({
    ...one,
    edits: edits.map(({ range, newText }) => ({ range: place(range), newText })),
  });
  return {
    ...rest,
    ...place({ start, end }),
    ...(fix && { fix: moved(fix) }),
    ...(alternatives && { alternatives: alternatives.map(moved) }),
    ...(related && { related: related.map((one) => ({ ...place(one), message: one.message })) }),
  };
}
