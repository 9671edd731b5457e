import type { Span } from '../yaml-text';

/** A finding of a rule between fields; `path` names the field it is shown at. */
export interface CrossProblem {
  id: string;
  severity: 'error' | 'warning' | 'info';
  message: string;
  path: string[];
  part?: 'key' | 'value';
  /** The part of the value that is meant, where the value is this text. */
  within?: Span & { text: string };
  replacement?: string;
}
