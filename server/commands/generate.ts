/** Making images, and networks to make them with. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { canonicalFile, canonicalPath } from '../canonical-path';
import { compute } from '../compute/compute-process';
import { generateImages } from '../compute/pool';
import { choosePool } from '../compute/pool-shape';
import type { GenerateTask } from '../compute/tasks';
import { isBelow } from '../containment';
import { batchLines } from '../diffusion/batch-size';
import { UserError } from '../errors';
import { modelText } from '../models/model-text';
import { readNetworkSource } from '../models/network-source';
import { readLevels } from '../runs/levels-file';
import { fetchFile, fetchInput, resolveInput } from '../runs/input';
import { print, printNotes, relative, say, tell, type Run } from './command';

export const generate: Run<'generate'> = async ({ values, given, withProgress }) => {
  const {
    network: named,
    outdir: folder,
    device,
    workers,
    grid,
    json,
    sigmas,
    churn,
    eta,
    'accept-source': accept,
    ...rest
  } = values;
  const lists = {
    sigmas: await levelsOf(sigmas),
    churn: numbersOf('churn', churn),
    eta: oneOrMore(numbersOf('eta', eta)),
  };
  // The usual number of steps is none that was asked for.
  const options = { ...rest, ...lists, steps: sigmas !== undefined && !given.has('steps') ? undefined : rest.steps };
  const outdir = path.resolve(folder);
  const input = resolveInput(named, 'network', process.cwd());
  const network = await withProgress((control) => fetchInput(input, control, accept));
  const task: GenerateTask = {
    kind: 'generate',
    network,
    device,
    workers,
    options: { ...options, outdir, grid: gridFile(grid, outdir) },
  };
  const shape = await choosePool(task);
  printNotes(shape.notes);
  const summary = await withProgress((control) => generateImages(task, { ...control, shape }));
  printNotes(summary.notes.filter((note) => !shape.notes.includes(note)));
  const skipped = summary.skipped ? `, ${summary.skipped} were there already` : '';
  if (json) print({ outdir, ...summary });
  else say(`${summary.written} images written to ${relative(outdir)}${skipped}`);
  return 0;
};

export const calibrate: Run<'calibrate'> = async ({ values, withProgress }) => {
  const { device, steps } = values;
  const found = await withProgress(async (control) => {
    const network = await fetchInput(resolveInput(values.network, 'network', process.cwd()), control);
    return compute({ kind: 'calibrate', network, device, steps }, control.onProgress, control.signal);
  });
  printNotes(found.notes);
  if (values.json) print(found);
  else for (const line of batchLines(found.points, found)) say(line);
  return 0;
};

export const importModel: Run<'import'> = async ({ values, positionals: [given], withProgress }) => {
  const input = resolveInput(given, 'network', process.cwd());
  if (values['show-source']) return showSource(await withProgress((control) => fetchFile(input, control)));
  if (values.out === undefined) throw new UserError('Missing option --out');
  const dest = path.resolve(values.out);
  const info = await withProgress(async (control) => {
    const source = await fetchFile(input, control);
    return compute(
      { kind: 'import', source, dest, name: input.name, accept: values['accept-source'] },
      control.onProgress,
      control.signal,
    );
  });
  say(`${relative(dest)}: ${modelText(info)}`);
  return 0;
};

/** Prints the source that a network carries on stdout, and what is known of it on stderr. */
async function showSource(file: string): Promise<number> {
  const { sources, sha256, verdict } = await readNetworkSource(file);
  for (const [index, source] of sources.entries()) {
    if (sources.length > 1) say(`# Module ${index + 1} of ${sources.length}`);
    say(source);
  }
  tell(`${relative(file)}: ${verdict}`);
  tell(`Its sha256, for --accept-source: ${sha256}`);
  return 0;
}

/** Noise levels with commas, or a file of them. @throws UserError */
async function levelsOf(text: string | undefined): Promise<number[] | undefined> {
  return text !== undefined && existsSync(text) ? readLevels(path.resolve(text)) : numbersOf('sigmas', text);
}

/** Numbers with commas. @throws UserError */
function numbersOf(name: string, text: string | undefined): number[] | undefined {
  return text?.split(',').map((piece) => {
    const value = Number(piece);
    if (piece.trim() === '' || Number.isNaN(value))
      throw new UserError(
        `--${name} ${text.slice(0, 40)}: "${piece}" is not a number; write numbers with commas${name === 'sigmas' ? ', or name a file that has them' : ''}`,
      );
    return value;
  });
}

/** One number stands for all steps. */
function oneOrMore(list: number[] | undefined): number | number[] | undefined {
  return list?.length === 1 ? list[0] : list;
}

/** Where the grid goes: never among the images, where it would be measured as one. */
function gridFile(given: string | undefined, outdir: string): string | undefined {
  if (given === undefined) return undefined;
  const file = path.resolve(given);
  if (isBelow(canonicalPath(outdir), canonicalFile(file))) {
    throw new UserError(`--grid ${given}: lies in --outdir and would be measured as an image; choose another place`);
  }
  return file;
}
