/** Longest text from a cluster that a message shows, in characters. */
const LONGEST = 500;

/**
 * Text that came from a cluster (job names, prompts, messages) as one line for notifications and input boxes: without
 * control or direction characters, cut to a length, and with nothing that the editor would turn into a link or a command.
 */
export function plainText(text: string): string {
  const line = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .replace(/\]\(/g, '] (')
    .replace(/\$\(/g, '$ (')
    .trim();
  return line.length > LONGEST ? `…${line.slice(-LONGEST)}` : line;
}
