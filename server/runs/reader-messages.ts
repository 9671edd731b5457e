/** What the reader process and the one that started it tell each other, and what reading one file may cost there. */

import type { NetworkFacts } from '../models/network-facts';

/** Milliseconds for one file. */
export const READ_TIME = 2000;

/** Bytes of memory of the whole process. */
export const READ_MEMORY = 300e6;

/** Read this network. */
export interface ReadRequest {
  id: number;
  file: string;
}

export type ReadReply =
  | { type: 'ready' }
  | {
      type: 'read';
      id: number;
      facts?: NetworkFacts;
      /** Instead: why the file is no network that can be used. */
      refused?: string;
      /** Instead: a defect of the reader, with where it happened. */
      defect?: { message: string; stack: string };
      /** Bytes of memory that the process has now. */
      memory: number;
    };
