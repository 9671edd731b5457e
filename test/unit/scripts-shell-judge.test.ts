/**
 * tree-sitter-bash as the judge of our shell reader: over every script of the fixtures and many that are generated,
 * both see the same simple commands, word for word, and so end every here-document on the same line.
 */
import { Language, Parser, type Node } from '@vscode/tree-sitter-wasm';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { templates, templateText } from '../../server/scripts/templates';
import { readShell } from '../../server/scripts/reading/shell';
import { variants } from '../cluster/script-variants';
import { generatedShell } from './scripts-shell-generator';

/** A simple command: where it starts, and its words as written. */
type Seen = [start: number, ...words: string[]];

let parser: Parser;
before(async () => {
  await Parser.init();
  const wasm = path.join(path.dirname(require.resolve('@vscode/tree-sitter-wasm')), 'tree-sitter-bash.wasm');
  parser = new Parser();
  parser.setLanguage(await Language.load(readFileSync(wasm)));
});

/** What makes another list of commands inside a word: neither side looks there. */
const insideWords = new Set(['command_substitution', 'process_substitution', 'string', 'expansion', 'concatenation']);
const shells = /(?:^|\/)(?:bash|sh|zsh|dash|ksh)$/;

/** The simple commands that tree-sitter sees; undefined where it finds the script faulty. */
function judged(text: string, offset = 0): Seen[] | undefined {
  const tree = parser.parse(text);
  assert.ok(tree);
  const found: Seen[] = [];
  const inner: { text: string; start: number }[] = [];
  if (!tree.rootNode.hasError) visit(tree.rootNode, found, inner);
  const { hasError } = tree.rootNode;
  tree.delete();
  if (hasError) return undefined;
  const nested = inner.map(({ text: script, start }) => judged(script, offset + start));
  if (nested.includes(undefined)) return undefined;
  const own = found.map(([start, ...words]): Seen => [start + offset, ...words]);
  return [...own, ...nested.flatMap((commands) => commands ?? [])].sort(([a], [b]) => a - b);
}

/** @param inner gets what a shell among the commands reads: its here-document, or the string after `-c` */
function visit(node: Node, found: Seen[], inner: { text: string; start: number }[]): void {
  if (insideWords.has(node.type)) return;
  // `(( ... ))` is arithmetic, although it calls it a command.
  if (/^(?:command|compound_statement)$/.test(node.type) && node.text.startsWith('((')) return;
  if (node.type === 'command' || node.type === 'declaration_command' || node.type === 'unset_command') {
    const command = commandOf(node);
    found.push(command);
    const code = node.namedChildren.find((child) => child?.type === 'raw_string');
    if (code && command.some((word, i) => shells.test(String(word)) && /^-l?c$/.test(String(command[i + 1]))))
      inner.push({ text: code.text.slice(1, -1), start: code.startIndex + 1 });
    return;
  }
  if (node.type === 'redirected_statement') {
    const [body, ...redirects] = node.namedChildren.filter((child) => child !== null);
    if (!body) return;
    visit(body, found, inner);
    const command = found.find(([start]) => start === body.startIndex);
    for (const redirect of redirects) {
      afterRedirect(redirect, command, found, inner);
      const document = redirect.namedChildren.find((child) => child?.type === 'heredoc_body');
      const reader = command?.slice(1).filter((word) => !String(word).startsWith('-'));
      if (document && shells.test(String(reader?.pop())))
        inner.push({ text: document.text, start: document.startIndex });
    }
    return;
  }
  for (const child of node.namedChildren) if (child) visit(child, found, inner);
}

/** Words after a redirection belong to the command; a pipe after `<<E` begins the next one. */
function afterRedirect(
  redirect: Node,
  command: Seen | undefined,
  found: Seen[],
  inner: { text: string; start: number }[],
): void {
  if (redirect.type === 'file_redirect') {
    command?.push(...furtherTargets(redirect));
    return;
  }
  for (const [i, child] of redirect.children.entries()) {
    if (!child?.isNamed || /^heredoc_/.test(child.type)) continue;
    if (redirect.fieldNameForChild(i) === 'argument') command?.push(child.text);
    else if (child.type === 'file_redirect' || child.type === 'herestring_redirect')
      afterRedirect(child, command, found, inner);
    else visit(child, found, inner);
  }
}

/** `> out a b`: only the first is the target. */
function furtherTargets(redirect: Node): string[] {
  return redirect
    .childrenForFieldName('destination')
    .slice(1)
    .map((word) => word?.text ?? '');
}

function commandOf(node: Node): Seen {
  const words: string[] = [];
  for (const [i, child] of node.children.entries()) {
    if (!child || /redirect$|^file_descriptor$/.test(child.type)) {
      if (child?.type === 'file_redirect') words.push(...furtherTargets(child));
      continue;
    }
    if (node.type === 'command' && child.type === 'variable_assignment' && node.fieldNameForChild(i) !== 'argument')
      continue;
    words.push(child.text);
  }
  return [node.startIndex, ...words];
}

/** The simple commands that our reader sees, keywords of compound commands left out. */
function seen(text: string): Seen[] {
  return readShell(text)
    .commands.filter(({ words: [first] }) => first && !/^(?:for|select|case|function|\[)$/.test(first.raw))
    .map(({ start, words }): Seen => [start, ...words.map(({ raw }) => raw)])
    .sort(([a], [b]) => a - b);
}

function agree(text: string): boolean {
  const expected = judged(text);
  if (!expected) return false;
  assert.deepEqual(seen(text), expected, text);
  return true;
}

const fixtures = path.join(__dirname, '..', 'fixtures', 'scripts');
const files = ['rules', 'lecture'].flatMap((folder) =>
  readdirSync(path.join(fixtures, folder)).map((file) => readFileSync(path.join(fixtures, folder, file), 'utf8')),
);

/** Leaves out scripts with line breaks that no shell knows, and those that go on after `\\ `, which the judge drops. */
const shellProper = (text: string): boolean => !/[\r\0\ufeff]|\\[ \t]+[<#]/.test(text) && !/^#!.*python/.test(text);

test('fixtures, templates and variants: the same commands and words', () => {
  const scripts = [...files, ...templates.map(templateText), ...variants].filter(shellProper);
  const compared = scripts.filter(agree);
  assert.ok(compared.length > 0.95 * scripts.length, `${compared.length} of ${scripts.length} compared`);
});

test('generated scripts: the same commands and words', () => {
  let compared = 0;
  for (let seed = 0; seed < 400; seed++) if (agree(generatedShell(seed))) compared++;
  assert.ok(compared > 300, `${compared} of 400 compared`);
});
