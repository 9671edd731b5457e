/** What a container is built from: a Dockerfile and its context, and the digest that shows whether it was built before. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, UserError } from '../../errors';
import { fileDigest } from '../../file-digest';

/** A Dockerfile for EDM to start from. */
export const EDM_DOCKERFILE = `# What generate.py and fid.py of EDM need, without their code, which git sends with each commit.
# The image runs on the architecture that it is built for. Most clusters are amd64; some laptops are not.
ARG BASE=pytorch/pytorch:1.13.1-cuda11.6-cudnn8-runtime
FROM \${BASE}

# Python writes no .pyc files into read-only images, and its output reaches the job's log at once.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

RUN pip install --no-cache-dir click requests scipy tqdm psutil imageio imageio-ffmpeg==0.4.4 pyspng==0.1.0

# The newest imageio needs a newer Pillow than the base image has. Without this line the programs fail when they open or
# write an image.
RUN pip install --no-cache-dir --upgrade pillow

WORKDIR /workspace
`;

/** What is built. */
export interface Recipe {
  /** Absolute path of the Dockerfile. */
  dockerfile: string;
  /** Folder that COPY and ADD take files from; absent where the Dockerfile has neither. */
  context?: string;
  /** Image that the last stage begins from, with the defaults of ARG lines; absent where it depends on more. */
  base?: string;
  /** SHA-256 of the Dockerfile and all that may enter the image. */
  digest: string;
}

/** Never part of an image: version control and results. */
const LEFT_OUT = new Set(['.git', '.edm-workbench', 'node_modules', 'runs']);

/**
 * Reads a Dockerfile and digests it together with its context.
 * @throws UserError where it cannot be read
 */
export async function readRecipe(dockerfile: string): Promise<Recipe> {
  const read = await readFile(dockerfile, 'utf8').catch((error: unknown) => {
    throw new UserError(`Cannot read ${dockerfile}: ${messageOf(error)}`);
  });
  // Saved with other line ends, or after a byte order mark, it builds the same image.
  const text = read.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  const hash = createHash('sha256').update(text);
  if (!/^[ \t]*(?:COPY|ADD)\s+(?!--from=)/im.test(text))
    return { dockerfile, ...baseIn(text), digest: hash.digest('hex') };
  const context = path.dirname(dockerfile);
  for (const name of await filesBelow(context, '')) {
    const file = path.join(context, name);
    const isOwn = file === path.resolve(dockerfile);
    hash.update(`${name}\0${isOwn ? createHash('sha256').update(text).digest('hex') : await fileDigest(file)}\n`);
  }
  return { dockerfile, context, ...baseIn(text), digest: hash.digest('hex') };
}

/** The image that the last stage of a Dockerfile begins from. */
function baseIn(text: string): Pick<Recipe, 'base'> {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const first = lines.findIndex((line) => /^FROM\s/i.test(line));
  const defaults = new Map(
    lines.slice(0, Math.max(first, 0)).flatMap((line): [string, string][] => {
      const [, name, value] = /^ARG\s+(\w+)=(\S+)$/i.exec(line) ?? [];
      return name !== undefined && value !== undefined ? [[name, value.replace(/["']/g, '')]] : [];
    }),
  );
  const named = new Map<string, string>();
  let base: string | undefined;
  for (const line of lines) {
    const [, given, alias] = /^FROM\s+(?:--\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?/i.exec(line) ?? [];
    if (given === undefined) continue;
    const image = given.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => defaults.get(name) ?? whole);
    // A stage may begin from another one.
    base = named.get(image) ?? image;
    if (alias !== undefined) named.set(alias, base);
  }
  return base === undefined || base.includes('$') || base === 'scratch' ? {} : { base };
}

async function filesBelow(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(path.join(root, folder), { withFileTypes: true });
  const names = await Promise.all(
    entries.map(async (entry) => {
      const name = folder ? `${folder}/${entry.name}` : entry.name;
      if (entry.isDirectory()) return LEFT_OUT.has(entry.name) ? [] : filesBelow(root, name);
      return entry.isFile() ? [name] : [];
    }),
  );
  return names.flat().sort();
}
