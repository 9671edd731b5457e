import { PUBLISHED_NUM } from '../../shared/defaults';
import { optionOf, optionSpan, valueSpan, writtenValue, type Invocation, type LaunchOption } from '../reading/invocations'; // prettier-ignore
import { perScript } from '../reading/script';
import { seedCount } from '../reading/values';
import { replace } from './fixes';
import { BOTH, hit, links, type Rule } from './rule';
import { alsoIn, renaming } from './shared-names';

/** FID is comparable with published values at this many images only. */
const fidImages = PUBLISHED_NUM;

/** Folders for which a fix is made out. */
const mostRenamings = 20;

/** Rules about generate.py and fid.py of EDM. */
export const edmRules: readonly Rule[] = [
  {
    id: 'commit-prefix',
    severity: 'hint',
    schedulers: BOTH,
    effect: 'runs',
    title: 'Output without the commit in its name',
    why: 'Weeks later it is not known which version of the code made these images.',
    remedy: 'Begin the folder\'s name with the commit: `--outdir="$(git rev-parse --short HEAD)-images"`.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      const seen = new Set<string>();
      for (const { option, folder } of script.inInvocations(withoutCommit)) {
        // One finding for a folder: its fix changes all commands that use it, or none.
        if (seen.has(folder) || option.word.uses.some((name) => fromGit(script).has(name))) continue;
        seen.add(folder);
        const slash = folder.lastIndexOf('/') + 1;
        const named = `${folder.slice(0, slash)}$(git rev-parse --short HEAD)-${folder.slice(slash)}`;
        // Each looks through the whole script: of many folders, the first ones have a fix.
        const { others, fix } =
          seen.size > mostRenamings
            ? { others: [], fix: undefined }
            : renaming(script, folder, named, "Put the commit before the folder's name");
        const message = `The output folder does not name the commit that it comes from${alsoIn(others)}`;
        yield hit(optionSpan(option), message, { fix });
      }
    },
  },
  {
    id: 'fid-count',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'FID over fewer than 50,000 images',
    why: 'FID decreases with the number of images it is measured on. Published values are for 50,000; values for other numbers cannot be compared with them.',
    remedy: 'Measure 50,000 images, or compare only with values for the same number.',
    link: links.edm,
    fixable: true,
    check: function* (script) {
      let byDefault = false;
      for (const measured of script.running('fid.py')) {
        if (measured.operands[0]?.text !== 'calc') continue;
        const num = optionOf(measured, 'num');
        const value = num && valueSpan(num);
        if (!num) byDefault = true;
        else if (value && /^\d+$/.test(num.value ?? '') && Number(num.value) < fidImages)
          yield hit(
            optionSpan(num),
            `FID over ${num.value} images cannot be compared with published values (50,000 images)`,
            { fix: replace(value, String(fidImages)) },
          );
      }
      if (!byDefault) return;
      // fid.py itself refuses to start with fewer images than --num, which is 50,000 by default.
      const made = script.running('generate.py').map((invocation) => optionOf(invocation, 'seeds'));
      const count = made.reduce((sum, seeds) => sum + (seedCount(seeds?.value ?? '') ?? NaN), 0);
      const seeds = made.at(-1);
      if (seeds && count < fidImages)
        yield hit(optionSpan(seeds), `The script makes ${count} images, but fid.py expects 50,000`);
    },
  },
];

/** The output folder of a run of generate.py, where its name has nothing of the commit. */
function withoutCommit(invocation: Invocation): { option: LaunchOption; folder: string } | undefined {
  const option = invocation.program === 'generate.py' ? optionOf(invocation, 'outdir') : undefined;
  const raw = option && writtenValue(invocation, option);
  if (!option || raw === undefined) return undefined;
  if (/git\s+rev-parse|git\s+describe|\$\{?\w*(?:COMMIT|HASH|REV|SHA|VERSION)\w*/i.test(raw)) return undefined;
  if (/(?:^|\/)[0-9a-f]{6,40}[-_/]/.test(raw)) return undefined;
  return { option, folder: (/^(["']?)(.*)\1$/s.exec(raw)?.[2] ?? raw).replace(/^\.\/|\/$/g, '') };
}

/** Variables whose values come from git: they name the commit, whatever they are called. */
const fromGit = perScript(
  ({ shell }) => new Set(shell.assignments.filter(({ value }) => /git\s/.test(value.raw)).map(({ name }) => name)),
);
