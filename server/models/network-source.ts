import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { IMPORTING } from '../weights/budget';
import { type CodeFinding, differenceText } from '../weights/network-code';
import { openWeights } from './network-import';

/** The source that a network's file carries. */
export interface NetworkSource {
  /** One text a module; nothing in them has been executed or changed. */
  readonly sources: readonly string[];
  /** Of the file. */
  readonly sha256: string;
  /** What is known of it, in one line. */
  readonly verdict: string;
}

/**
 * Reads the source that a network's file carries.
 * @throws UserError for a file that holds no network, or is of a kind that carries no source
 */
export async function readNetworkSource(file: string): Promise<NetworkSource> {
  const weights = await openWeights(file, IMPORTING);
  try {
    const finding = weights.code?.();
    if (!finding) throw new UserError(`${file} is of a kind that carries no source: pickles (.pkl, .pt) do`);
    return { sources: weights.sources ?? [], sha256: await fileDigest(file), verdict: verdictOf(finding) };
  } finally {
    weights.close();
  }
}

function verdictOf(finding: CodeFinding): string {
  switch (finding.is) {
    case 'published':
      return 'what its network uses is what NVIDIA published';
    case 'absent':
      return "it carries no source, so that whether it ran EDM's own code is not known";
    case 'other':
      return `it is not what NVIDIA published: ${differenceText(finding.differs)}`;
  }
}
