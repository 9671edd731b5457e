import { appendFile, mkdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { writeAtomically } from '../atomic-file';
import { placeIn } from '../canonical-path';
import { UserError } from '../errors';
import { reasonOf } from '../system-error';
import { makeIgnoredFolder } from '../ignored-folder';
import { readManifest } from './manifest';
import type { RunManifest } from '../shared/schema-types.gen';
import type { RunPlan } from './plan';

/** A run's folder on disk: `<commit>-<name>[-dirty]` with images/, stats.npz, grid.png, run.json and log.txt. */
export class RunFolder {
  private constructor(
    readonly path: string,
    readonly manifest: RunManifest,
  ) {}

  /** One PNG per seed. */
  get images(): string {
    return path.join(this.path, 'images');
  }

  /** The first images side by side. */
  get grid(): string {
    return path.join(this.path, 'grid.png');
  }

  /** Feature statistics of the images. */
  get stats(): string {
    return path.join(this.path, 'stats.npz');
  }

  /**
   * Opens the folder of a plan: a new one, or the one an earlier run of the same plan began. A folder of the same name
   * with other settings (a dirty tree edited again, a network file replaced) stays untouched; `-2`, `-3`, ... is taken.
   * @throws UserError if the folder cannot be made
   */
  static async open(plan: RunPlan): Promise<RunFolder> {
    const base = path.join(plan.outdir, `${plan.code.short}-${plan.name}${plan.code.dirty ? '-dirty' : ''}`);
    let folder = base;
    for (let number = 2; existsSync(folder); number++) {
      const other = await readManifest(folder);
      // Results from a cluster are never written over.
      if (other?.fingerprint === plan.fingerprint && other.dispatch === undefined) break;
      folder = `${base}-${number}`;
    }
    return RunFolder.at(folder, plan);
  }

  /**
   * A certain folder for a plan, made unless it is there.
   * @param more what else its manifest says
   * @throws UserError if the folder cannot be made
   */
  static async at(folder: string, plan: RunPlan, more: Partial<RunManifest> = {}): Promise<RunFolder> {
    const manifest: RunManifest = {
      version: 1,
      name: plan.name,
      status: 'running',
      started: new Date().toISOString(),
      config_file: plan.configFile,
      config: { ...plan.config },
      code: plan.code,
      network: plan.network.identity,
      ...(plan.network.info.class_names ? { class_names: plan.network.info.class_names } : {}),
      seeds: plan.seeds,
      images: plan.images,
      fingerprint: plan.fingerprint,
      ...more,
    };
    const run = new RunFolder(folder, manifest);
    try {
      // Results are found through the history, not through git.
      await makeIgnoredFolder(path.dirname(folder));
      await mkdir(run.images, { recursive: true });
      await run.save();
    } catch (error) {
      const reason = error instanceof UserError ? error.message : reasonOf(error, 'write');
      throw new UserError(`Cannot write the run folder ${folder}: ${reason}`);
    }
    return run;
  }

  /** Folder relative to the repository, as history records name it. */
  relativeTo(root: string): string {
    return placeIn(root, this.path);
  }

  /** The results of the tasks that the run is divided among, a file for each. */
  get shards(): string {
    return path.join(this.path, 'shards');
  }

  /** Writes run.json whole or not at all. */
  async save(changes: Partial<RunManifest> = {}): Promise<void> {
    Object.assign(this.manifest, changes);
    const file = path.join(this.path, 'run.json');
    await writeAtomically(file, Buffer.from(jsonOf(this.manifest) + '\n'));
  }

  /** Appends one dated line to log.txt; a log that cannot be written does not stop the run. */
  async log(line: string): Promise<void> {
    await appendFile(path.join(this.path, 'log.txt'), `${new Date().toISOString()} ${line}\n`).catch(() => undefined);
  }
}

/** JSON of configs, which may hold an infinity; YAML's spelling is kept so that they can be written back. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (inner === Infinity ? '.inf' : inner), 2);
}
