/** The plug-ins of a site, from the help of Slurm 22.05 with a plug-in of three options loaded, and plugstack.conf. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slurm } from '../../server/cluster/slurm/slurm';
import { optionsOfPlugIns, readPlugStack } from '../../server/cluster/slurm/plug-ins';
import { analyse } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';
import { hoverAt } from '../../server/scripts/hover';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';
import { TalkingHost } from '../cluster/recording';

/** As sbatch prints it at 80 columns. */
const help = `  -v, --verbose               verbose mode (multiple -v's increase verbosity)

Options provided by plugins:

      --container-image=[USER@][REGISTRY#]IMAGE[:TAG]|PATH
                              [pyxis] the image to use for the container
                              filesystem. Can be either a docker image given as
                              an enroot URI, or a path to a squashfs file.
      --container-remap-root  [pyxis] ask to be remapped to root inside the
                              container.
      --lab-queue=fast|slow   which of the lab's queues

GPU scheduling options:
      --cpus-per-gpu=n        number of CPUs required per allocated GPU
`;

test('the options that plug-ins add, with their values, texts and the plug-in that names itself', () => {
  assert.deepEqual(optionsOfPlugIns(help), [
    {
      name: '--container-image',
      value: '[USER@][REGISTRY#]IMAGE[:TAG]|PATH',
      help: 'the image to use for the container filesystem. Can be either a docker image given as an enroot URI, or a path to a squashfs file.',
      plugin: 'pyxis',
    },
    { name: '--container-remap-root', help: 'ask to be remapped to root inside the container.', plugin: 'pyxis' },
    { name: '--lab-queue', value: 'fast|slow', help: "which of the lab's queues" },
  ]);
  assert.deepEqual(optionsOfPlugIns('  -n, --ntasks=n  number of tasks\n'), []);
});

test('the names in plugstack.conf, and what it includes', () => {
  const text = '# required none.so\nrequired /usr/lib/slurm/spank_pyxis.so runtime_path=/run/pyxis\noptional auks.so\n include conf.d/*.conf\n\nOPTIONAL libspank_nvmps.so\n'; // prettier-ignore
  assert.deepEqual(readPlugStack(text), { plugIns: ['pyxis', 'auks', 'nvmps'], includes: ['conf.d/*.conf'] });
});

/** A site whose commands answer from a list. */
class Site extends TalkingHost {
  readonly name = 'site';
  readonly asked: string[] = [];
  constructor(private readonly answers: Readonly<Record<string, string>>) {
    super();
  }
  override run(command: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const words = command.slice(command.findIndex((word) => !/^(?:env|-u|[A-Z_]+=?.*)$/.test(word))).join(' ');
    this.asked.push(words);
    const stdout = this.answers[words];
    return Promise.resolve({ code: stdout === undefined ? 1 : 0, stdout: stdout ?? '', stderr: '' });
  }
}

test('a snapshot asks for the plug-ins once a day, where Slurm says that the file is', async () => {
  const site = new Site({
    'squeue --version': 'slurm 22.05.8',
    'scontrol show partition --oneliner': 'PartitionName=gpu State=UP\n',
    'scontrol show node --oneliner': '',
    'scontrol show config': 'PlugStackConfig         = /run/slurm/conf/plugstack.conf\n',
    'sbatch --help': help,
    'cat /run/slurm/conf/plugstack.conf': 'required spank_pyxis.so\ninclude plugstack.conf.d/*.conf\n',
    'find /run/slurm/conf/plugstack.conf.d/ -maxdepth 1 -name *.conf -exec cat {} +': 'optional auks.so\n',
  });
  const slurm = new Slurm(site);
  const snapshot = await slurm.snapshot();
  assert.deepEqual(snapshot.submitOptions?.plugIns, ['pyxis', 'auks']);
  assert.deepEqual(snapshot.submitOptions?.added?.map(({ name }) => name), ['--container-image', '--container-remap-root', '--lab-queue']); // prettier-ignore
  await slurm.snapshot();
  assert.equal(site.asked.filter((words) => words.startsWith('cat ')).length, 1);
});

const cluster: ClusterSnapshot = {
  scheduler: 'slurm',
  version: '22.05.8',
  partitions: [],
  submitOptions: { sbatch: ['--time', '--lab-queue'], added: optionsOfPlugIns(help), plugIns: ['auks', 'lua'] },
};

test('messages name the plug-in that is missing and those that are there; hover and completion speak as the site does', () => {
  const text = '#!/bin/bash\n#SBATCH --account=a\n#SBATCH --environment=edm\n#SBATCH --lab-queue=fast\nhostname\n';
  const [finding] = analyse(text, { cluster }).findings.filter(({ id }) => id === 'plugin-option');
  assert.match(finding?.message ?? '', /no --environment: it needs the plug-in .*CSCS, and the site loads auks, lua$/);
  const hover = hoverAt(text, { line: 3, character: 12 }, { cluster })?.markdown ?? '';
  assert.match(hover, /`--lab-queue\[=fast\|slow\]`/);
  assert.match(hover, /In the words of this cluster's help: which of the lab's queues/);
  assert.equal(hoverAt(text, { line: 3, character: 12 })?.markdown, undefined);
  const offered = completionsAt(text.replace('--lab-queue=fast', '--'), { line: 3, character: 10 }, { cluster });
  assert.match(offered.find(({ label }) => label === '--lab-queue')?.documentation ?? '', /which of the lab's queues/);
});
