/** Files that hold weights and no network that can be imported: what they are, and what to give instead. */

/** What a file holds, as far as it tells. */
export interface FileOutline {
  /** Keys of the outermost dict. */
  readonly keys: ReadonlySet<string>;
  /** Names of tensors, those of nested dicts under their own names. */
  readonly tensors: ReadonlySet<string>;
}

interface OtherFile {
  /** What it is, after "FILE is". */
  readonly is: string;
  readonly matches: (outline: FileOutline) => boolean;
  readonly instead: string;
}

const SNAPSHOT = 'give the network-snapshot-*.pkl of the same training';

const has =
  (...names: readonly string[]) =>
  ({ keys }: FileOutline): boolean =>
    names.every((name) => keys.has(name));
const named =
  (...patterns: readonly RegExp[]) =>
  ({ tensors }: FileOutline): boolean =>
    patterns.every((pattern) => [...tensors].some((name) => pattern.test(name)));
const either =
  (...tests: readonly OtherFile['matches'][]) =>
  (outline: FileOutline): boolean =>
    tests.some((test) => test(outline));

/** In order; the first that fits is named. */
const OTHERS: readonly OtherFile[] = [
  {
    is: 'a checkpoint of k-diffusion',
    matches: either(has('model_ema', 'opt'), has('model', 'model_ema'), named(/(^|\.)inner_model\./)),
    instead: "its networks are built otherwise than EDM's: give a network of EDM's own code (.pkl)",
  },
  {
    is: 'a checkpoint of Stable Diffusion',
    matches: named(/^(state_dict\.)?model\.diffusion_model\./),
    instead: "give a network of EDM's own code (.pkl)",
  },
  {
    is: 'a UNet of diffusers',
    matches: named(/^(unet\.)?down_blocks\.\d/, /^(unet\.)?(up_blocks\.\d|mid_block\.)/),
    instead:
      "it carries its configuration in another file, and its layers are not EDM's: give a network of EDM's own code (.pkl)",
  },
  {
    is: 'a checkpoint of guided-diffusion',
    matches: named(/^(module\.)?input_blocks\.\d/, /^(module\.)?output_blocks\.\d/),
    instead: "it carries no configuration and its layers have other names: give a network of EDM's own code (.pkl)",
  },
  {
    is: 'a diffusion transformer (DiT)',
    matches: named(/^(module\.)?x_embedder\./, /^(module\.)?blocks\.\d+\.attn\./),
    instead: "give a network of EDM's own code (.pkl)",
  },
  {
    is: 'a checkpoint of denoising-diffusion-pytorch',
    matches: named(/(^|\.)init_conv\./, /(^|\.)mid_block1\./),
    instead: "give a network of EDM's own code (.pkl)",
  },
  {
    is: 'the state dict of an EDM2 network, which has the weights and not the configuration',
    matches: named(/^(module\.)?unet\.(enc|dec|emb_)/),
    instead: SNAPSHOT,
  },
  {
    is: 'the state dict of an EDM network, which has the weights and not the configuration',
    matches: named(/^(module\.)?(model\.)?(enc|dec)\.\d+x\d+_/),
    instead: `${SNAPSHOT}, or training-state-*.pt`,
  },
  {
    is: 'the state of a training and holds no network',
    matches: either(has('optimizer_state'), has('optimizer'), has('param_groups'), has('state', 'param_groups')),
    instead: SNAPSHOT,
  },
];

/** `is WHAT: give ...` for a file that is known to be something else. */
export function otherFileText(outline: FileOutline): string | undefined {
  const found = OTHERS.find(({ matches }) => matches(outline));
  return found && `is ${found.is}: ${found.instead}`;
}
