/** The plug-ins of a site (SPANK): which are loaded, and the options that they add, in the words of the commands' help. */
import type { ClusterSnapshot } from '../../shared/protocol';

type SiteOption = NonNullable<NonNullable<ClusterSnapshot['submitOptions']>['added']>[number];

const heading = 'Options provided by plugins:';
/** `      --name=VALUE  text`; a long name stands on a line of its own. */
const entry = /^ {2,}(--[A-Za-z][\w-]*)(?:=(\S*))?(?:[ \t]+(\S.*))?$/;

/** The options of plug-ins in a command's help (spank.c, _spank_opt_print); none where the help has no such section. */
export function optionsOfPlugIns(help: string): SiteOption[] {
  const found: SiteOption[] = [];
  const from = help.indexOf(heading);
  if (from < 0) return found;
  for (const line of help.slice(from + heading.length + 1).split('\n')) {
    if (/^\S/.test(line)) break;
    const [, name, value, text = ''] = entry.exec(line) ?? [];
    const last = found.at(-1);
    if (name !== undefined)
      found.push({ name, ...(value !== undefined && { value: value.replace(/\+$/, '') }), help: text.trim() }); // prettier-ignore
    else if (last && line.trim()) last.help = `${last.help ?? ''} ${line.trim()}`.trim();
  }
  return found.map(withPlugIn);
}

/** Plug-ins mostly begin their text with their name in brackets, as Slurm itself prints none. */
function withPlugIn(option: SiteOption): SiteOption {
  const [mark, plugin] = /^\[([\w .-]{1,40})\]\s*/.exec(option.help ?? '') ?? [];
  const help = (option.help ?? '').slice(mark?.length ?? 0);
  const { name, value } = option;
  return {
    name,
    ...(value !== undefined && { value }),
    ...(help && { help }),
    ...(plugin !== undefined && { plugin }),
  };
}

/** What a plugstack.conf says: the names of the plug-ins, and the files that it includes, which may be patterns. */
export function readPlugStack(text: string): { plugIns: string[]; includes: string[] } {
  const [plugIns, includes]: string[][] = [[], []];
  for (const line of text.split('\n')) {
    const [kind = '', path = ''] = line.trim().split(/\s+/);
    if (/^include$/i.test(kind) && path) includes?.push(path);
    else if (/^(?:required|optional)$/i.test(kind) && path) plugIns?.push(nameOf(path));
  }
  return { plugIns: plugIns ?? [], includes: includes ?? [] };
}

/** `/usr/lib/slurm/spank_pyxis.so` is pyxis. */
function nameOf(path: string): string {
  return (path.split('/').pop() ?? path)
    .replace(/\.so$/, '')
    .replace(/^(?:lib)?(?:slurm[-_])?(?:spank[-_])?/, '')
    .replace(/[-_]spank$/, '');
}
