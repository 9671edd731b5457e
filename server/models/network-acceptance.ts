/** What follows from the code that a network's file carries: silence, a refusal, or a note for ever. */
import { UserError } from '../errors';
import { differenceText } from '../weights/network-code';
import type { WeightSource } from '../weights/weight-source';
import type { DenoiserInfo } from './model-info';

/** @throws UserError where code was accepted in a file that is not this one */
export function checkAccepted(accept: string | undefined, digest: string, source: string): void {
  if (accept === undefined || accept.toLowerCase() === digest) return;
  throw new UserError(
    `${source}: the source was accepted in another file (sha256 ${accept.slice(0, 64)}), this one has sha256 ${digest}: read its source too (edm-workbench import --show-source) before you accept it`,
  );
}

/**
 * What a model's metadata say of its code.
 * @param digest sha256 of the file
 * @throws UserError for code that is not known, unless it was accepted
 */
export function codeOf(
  { code }: Pick<WeightSource, 'code'>,
  digest: string,
  source: string,
  accept: string | undefined,
): Pick<DenoiserInfo, 'code' | 'code_differs'> {
  const finding = code?.();
  if (!finding) return {};
  if (finding.is !== 'other') return { code: finding.is };
  const differs = [...finding.differs];
  if (accept !== undefined) return { code: 'accepted', code_differs: differs };
  throw new UserError(
    `${source}: the source that it carries is not what NVIDIA published (${differenceText(differs)}), so that its images may be other than EDM's: run it with its own code (engine: edm on a cluster), or read it with edm-workbench import --show-source and accept it with --accept-source ${digest} (accept_source in a run config)`,
  );
}

/** What a person should know of a network's code wherever it is used. */
export function codeNotes({ code, code_differs: differs = [], source_name }: DenoiserInfo): string[] {
  if (code === 'accepted') {
    return [`The network's own source is not what NVIDIA published (${differenceText(differs)}) and was accepted`];
  }
  if (code === 'absent') {
    return ["The network's file carries no source, so that whether it ran EDM's own code is not known"];
  }
  if (code === undefined && /\.(pkl|pt)$/i.test(source_name)) {
    return [
      `The network was imported before sources were compared, so that whether ${source_name} has EDM's own code is not known: import it again`,
    ];
  }
  return [];
}
