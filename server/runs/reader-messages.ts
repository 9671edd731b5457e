/** What the reader process and the one that started it tell each other. */

import type { NetworkFacts } from '../models/network-facts';

/** What reading one file may cost. The reader process gets them as the two arguments of its program, in this order. */
export interface ReadLimits {
  /** Milliseconds. */
  time: number;
  /** Bytes of memory of the whole process. */
  memory: number;
}

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
