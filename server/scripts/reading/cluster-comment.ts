import type { Span } from './text';

const comment = /^[ \t]*#[ \t]*edm-workbench:[ \t]*cluster=([A-Za-z0-9._-]+)/m;

/** The cluster that a script names in its comment `# edm-workbench: cluster=NAME`, and where; undefined without one. */
export function clusterComment(text: string): (Span & { name: string }) | undefined {
  const found = comment.exec(text);
  const name = found?.[1];
  if (!found || name === undefined) return undefined;
  const end = found.index + found[0].length;
  return { name, start: end - name.length, end };
}
