/** The shell code of a page in Markdown: its fenced blocks. */
import type { Span } from './text';

/** One block of code. Its text is as long as the block's, so that offsets differ by `start` alone. */
export interface FencedCode extends Span {
  text: string;
}

const opening = /^ {0,3}(```+(?!`)|~~~+(?!~))/;
const shellNames =
  /^(?:|bash|sh|shell|zsh|ksh|console|terminal|shell-session|shellsession|slurm|lsf|sbatch|bsub|batch)$/i;

/** The blocks of a page that are shell code, by their names or for want of one; of a recorded session only its commands. */
export function fencedCode(page: string): FencedCode[] {
  const found: FencedCode[] = [];
  let fence: { mark: string; isShell: boolean; start: number } | undefined;
  let at = 0;
  for (const line of page.split('\n')) {
    const next = at + line.length + 1;
    const text = line.replace(/\r$/, '');
    if (!fence) {
      const [written, mark] = opening.exec(text) ?? [];
      const name = /^[\w+-]*/.exec(text.slice(written?.length).trim())?.[0] ?? '';
      if (mark !== undefined) fence = { mark, isShell: shellNames.test(name), start: next };
    } else if (text.trim().startsWith(fence.mark) && text.trim().replaceAll(fence.mark.charAt(0), '') === '') {
      if (fence.isShell && at > fence.start)
        found.push({ start: fence.start, end: at, text: commandsOf(page.slice(fence.start, at)) });
      fence = undefined;
    }
    at = next;
  }
  return found;
}

/** A session's lines after `$ `; the output between them becomes spaces. */
function commandsOf(block: string): string {
  if (!/^[ \t]*\$ /m.test(block)) return block;
  let goesOn = false;
  return block
    .split('\n')
    .map((line) => {
      const prompt = /^[ \t]*[$>] /.exec(line)?.[0].length ?? (goesOn ? 0 : line.length);
      goesOn = prompt < line.length && line.endsWith('\\');
      return ' '.repeat(prompt) + line.slice(prompt);
    })
    .join('\n');
}
