/** When two detectors are the same: by weights, layer and the way images are prepared, never by a file's name or wrapping. */
import { createHash } from 'node:crypto';

/** What is known of a detector with a number, statistics or features. */
interface Named {
  name: string;
  /** Of its ONNX file, which also holds the name and digest of the file that it was imported from. */
  sha256: string;
  dimension: number;
  published: boolean;
  identity?: string;
}

/** What makes a detector the one that it is. */
export interface DetectorContent {
  /** Digest of its weights, hex. */
  weights: string;
  /** How images become its input, by name or digest. */
  preparation: string;
}

/**
 * The identity of one layer of a detector: sha256, hex.
 * @param dimension features of the layer, which no other layer of the same detector has
 */
export function identityOf({ weights, preparation }: DetectorContent, dimension: number): string {
  return createHash('sha256')
    .update(JSON.stringify({ weights, layer: dimension, preparation }))
    .digest('hex');
}

/** TensorFlow 1's bilinear resize to 299 x 299, then (x - 128) / 128: `models/inception-resize.ts`. */
export const INCEPTION_PREPARATION = 'tensorflow1-bilinear-299';

/** Detectors that records and files of earlier versions name, and files whose weights are known to be the same. */
const KNOWN: readonly { name: string; content: DetectorContent; files: readonly string[] }[] = [
  {
    // All hold the weights of one TensorFlow graph, inception-2015-12-05.tgz.
    name: 'inception-2015-12-05',
    content: {
      weights: '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
      preparation: INCEPTION_PREPARATION,
    },
    files: [
      // pt_inception-2015-12-05-6726825d.pth of pytorch-fid, weights-inception-2015-12-05-6726825d.pth of torch-fidelity
      '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
      // inception-2015-12-05.pt of stylegan2-ada-pytorch, which clean-fid and k-diffusion use too (95,607,719 bytes)
      'f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4',
      // inception-2015-12-05.pkl of stylegan3, which EDM and EDM2 use too (95,617,399 bytes)
      'a31bd1d4522101109044ec28621a5fcb591ed6115e0d58104fc013fa01ef94f7',
    ],
  },
];

/** Detectors that came with earlier versions, by the sha256 of their ONNX file. */
const EMBEDDED: Readonly<Record<string, string>> = {
  '74d90272201bc4eb96864b7557796267be001ee3e318d30c046fa024d7f37ab7':
    'd6a85d9062b70cbf1dec214f3ccccd2fcb6d87616e0ffd849f992dcd9fdcd760',
};

/** The detector of a file of published weights, by the file's sha256, whichever program it is for. */
export function knownDetector(fileSha256: string): { name: string; content: DetectorContent } | undefined {
  return KNOWN.find(({ files }) => files.includes(fileSha256));
}

/** The identity that a record states or, if an earlier version or fid.py wrote it, that follows from what it states. */
export function statedIdentity({ name, sha256, dimension, published, identity }: Named): string | undefined {
  if (identity !== undefined) return identity;
  const layer = `, ${dimension} features`;
  const full = name.endsWith(layer) ? name.slice(0, -layer.length) : name;
  const known = KNOWN.find((one) => one.name === full);
  // Before there were identities, only the published weights had this name.
  if (known && (published || full !== name)) return identityOf(known.content, dimension);
  return EMBEDDED[sha256];
}

/** How the names of detectors begin that hold torchvision's weights. */
export const TORCHVISION = 'torchvision-inception';

/** What a reader of a detector's numbers must know, in a sentence; undefined for most. */
export function detectorWarning({ name }: Pick<Named, 'name'>): string | undefined {
  if (!name.startsWith(`${TORCHVISION}-`)) return undefined;
  return (
    `${name} holds torchvision's Inception-v3, whose weights are not those of the FID: its distances are far from every ` +
    "published FID; import pt_inception-2015-12-05-6726825d.pth or NVIDIA's inception-2015-12-05.pkl"
  );
}

/** Imported detectors are named after their file and the start of its sha256. */
const DIGITS = /-([0-9a-f]{8})(?:, \d+ features)?$/;

/**
 * Whether two detectors give the same features. Where only one states its identity, the other being of an earlier version,
 * the file decides: the ONNX file, or the first digits of the file that both were imported from.
 */
export function isSameDetector(a: Named, b: Named): boolean {
  if (a.dimension !== b.dimension) return false;
  const [one, other] = [statedIdentity(a), statedIdentity(b)];
  if (one !== undefined && other !== undefined) return one === other;
  if (a.sha256 === b.sha256) return true;
  const digits = DIGITS.exec(a.name)?.[1];
  return digits !== undefined && digits === DIGITS.exec(b.name)?.[1];
}

/** A detector as records keep it: nothing else of it, and its identity where it is known. */
export function detectorRecord(detector: Named): Named {
  const { name, sha256, dimension, published } = detector;
  const identity = statedIdentity(detector);
  return { name, sha256, dimension, published, ...(identity === undefined ? {} : { identity }) };
}
