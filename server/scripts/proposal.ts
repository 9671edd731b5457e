/** What completion proposes, and the range that it replaces. */
import type { Range } from 'vscode-languageserver-textdocument';

/** One proposal. */
export interface Completion {
  label: string;
  kind: 'directive' | 'option' | 'value' | 'template' | 'variable';
  /** Text that replaces `range`; with `snippet`, `${1:...}` are its tab stops. */
  insert: string;
  snippet?: boolean;
  /** The whole word that the cursor is in; an editor that only inserts stops at the cursor. */
  range: Range;
  detail?: string;
  documentation?: string;
}

/** What belongs to the word at the cursor of what stands after it: of an option, a value, a variable. */
export const inOption = /^[\w-]*/;
export const inValue = /^[^\s,"'#]*/;
export const inName = /^\w*/;

/** The range from a column to the end of the word that the cursor is in; a word that begins at the cursor stays. */
export type RangeFrom = (start: number, word: RegExp) => Range;
