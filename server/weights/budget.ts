import { UserError } from '../errors';

/** What reading one file may cost. */
export interface Limits {
  /** Steps: an operation of a pickle, a field of a protobuf, a member of a dict that is copied, 4 KiB that are read. */
  readonly steps: number;
  /** Bytes of what is built in memory, by estimate; a network's weights stay in its file and do not count. */
  readonly bytes: number;
}

/**
 * For an import. A snapshot of the largest published network with its optimizer has some 300,000 operations
 * (`npm run bench:import`).
 */
export const IMPORTING: Limits = { steps: 2_000_000, bytes: 2 ** 30 };

/** For checks while somebody types, of files that nobody has asked to use. */
export const CHECKING: Limits = { steps: 1_000_000, bytes: 128 * 2 ** 20 };

/**
 * Counts what reading a file costs, the same on every machine. Without it 700 bytes of a pickle can keep a reader busy for
 * minutes, or fill its memory.
 */
export class Budget {
  private steps: number;
  private bytes: number;

  /** @param path how errors name the file */
  constructor(
    private readonly path: string,
    limits: Limits,
  ) {
    this.steps = limits.steps;
    this.bytes = limits.bytes;
  }

  /** @throws UserError once the file has cost more steps than it may */
  spend(steps: number): void {
    this.steps -= steps;
    if (this.steps < 0) this.refuse('it has more objects than any network has');
  }

  /** @throws UserError once the file has taken more memory than it may */
  hold(bytes: number): void {
    this.bytes -= bytes;
    if (this.bytes < 0) this.refuse('what it describes takes more memory than any network needs');
  }

  private refuse(problem: string): never {
    throw new UserError(`${this.path} was not read to its end (${problem}): use a file from a source you trust`);
  }
}
