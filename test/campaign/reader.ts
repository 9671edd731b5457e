import type { Random } from './random';

/** A reader of the product that others' files reach, as a campaign tries it. */
export interface Reader {
  name: string;
  /** How the file's name ends, where readers look at that. */
  suffix?: string;
  /** A file that is right but for a few places, or not at all: the same for the same chance. */
  make(next: Random): Uint8Array;
  /**
   * Gives the file to the product's reader.
   * @throws UserError where the file is refused, which is as good as a result; anything else is a fault
   */
  read(file: string): Promise<void>;
}
