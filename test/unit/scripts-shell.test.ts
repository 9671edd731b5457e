import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invocationsOf, optionOf } from '../../server/scripts/reading/invocations';
import { readShell } from '../../server/scripts/reading/shell';

const words = (text: string): (string | undefined)[][] =>
  readShell(text).commands.map((command) => command.words.map(({ text: one }) => one));
const programs = (text: string): string[] => invocationsOf(readShell(text).commands).map(({ program }) => program);

test('words: quotes, escapes, continued lines, comments', () => {
  assert.deepEqual(words(`a 'b c' "d e" f\\ g h"i"'j' # k\nl \\\n  m \\\r\n n\n`), [
    ['a', 'b c', 'd e', 'f g', 'hij'],
    ['l', 'm', 'n'],
  ]);
  assert.deepEqual(words('a#b "#c" #d'), [['a#b', '#c']]);
});

test('commands: separators, pipes, background, redirections', () => {
  const { commands } = readShell('a; b && c || d | e > out.txt 2>&1 &\nf &> log\n(g)\n{ h; }\n');
  assert.deepEqual(
    commands.map((command) => command.words[0]?.text),
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
  );
  assert.deepEqual(commands.map(({ background }) => background).slice(0, 6), [false, false, false, false, true, false]);
  assert.deepEqual(
    commands[4]?.outputs.map(({ text }) => text),
    ['out.txt'],
  );
});

test('variables are followed where they are certain', () => {
  const last = (text: string): string | undefined => words(text).at(-1)?.at(-1);
  assert.equal(last('N=4\necho $N'), '4');
  assert.equal(last('export N=4\necho "${N}x"'), '4x');
  assert.equal(last('N=4; M=$N$N\necho $M'), '44');
  assert.equal(last('N=$(date)\necho $N'), undefined);
  assert.equal(last('N=4\nif true; then N=5; fi\necho $N'), undefined);
  assert.equal(last('for N in 1 2; do\necho $N\ndone'), undefined);
  assert.equal(last('echo $N'), undefined);
  assert.equal(last("N=4\necho '$N'"), '$N');
  assert.equal(last('N=1\nN=2 true\necho $N'), '1');
});

test('compound commands: what is inside is seen, with its depth', () => {
  const text =
    'if [ -f x ]; then\n  srun a\nelse\n  srun b\nfi\nfor i in 1 2; do srun c; done\ncase $x in\n  one) srun d ;;\n  two|three) srun e ;;\nesac\nf() { srun g; }\nwhile read -r l; do srun h; done < file\nsrun z\n';
  const found = readShell(text).commands.filter(({ words: [first] }) => first?.text === 'srun');
  assert.deepEqual(
    found.map(({ words: [, second] }) => second?.text),
    ['a', 'b', 'c', 'd', 'e', 'g', 'h', 'z'],
  );
  assert.deepEqual(
    found.map(({ depth }) => depth > 0),
    [true, true, true, true, true, true, true, false],
  );
});

test('here-documents: text for cat, code for a shell', () => {
  assert.deepEqual(programs("cat <<'EOF' > x\nsrun hidden\nEOF\nsrun seen\n"), ['cat', 'srun', 'seen']);
  assert.deepEqual(programs('srun bash <<-EOF\n\ttorchrun a.py\n\tEOF\n'), ['srun', 'bash', 'torchrun', 'a.py']);
  assert.deepEqual(programs('bash -c "torchrun a.py"\n'), ['bash', 'torchrun', 'a.py']);
});

test('positions point into the script, through here-documents and -c strings too', () => {
  for (const text of ['srun a --x=1', 'bash -c "srun a --x=1"', 'bash <<E\nsrun a --x=1\nE\n'])
    for (const { words: all } of readShell(text).commands)
      for (const { raw, start, end } of all) assert.equal(text.slice(start, end), raw);
});

test('launchers are unwrapped', () => {
  assert.deepEqual(
    programs(
      'srun -N 1 --gres=gpu:1 singularity exec --nv -B /a:/b img.sif python -u -m torch.distributed.run --nproc_per_node 2 t.py --gpus=2',
    ),
    ['srun', 'apptainer exec', 'torchrun', 't.py'],
  );
  assert.deepEqual(programs('env A=1 accelerate launch --num_processes 2 t.py'), ['env', 'accelerate launch', 't.py']);
  assert.deepEqual(programs('mpirun -np 4 ./a.out -n 3'), ['mpirun', 'a.out']);
  assert.deepEqual(programs('python -m pip install x'), ['python']);
  const [torchrun] = invocationsOf(readShell('torchrun --standalone --nproc_per_node=$((1+1)) t.py').commands);
  assert.equal(torchrun && optionOf(torchrun, 'nproc-per-node')?.value, undefined);
});

test('broken continuations, and escaped spaces that are not', () => {
  const count = (text: string): number => readShell(text).brokenContinuations.length;
  assert.equal(count('a \\ \n b'), 1);
  assert.equal(count('a \\   # remark\n b'), 1);
  assert.equal(count('a \\\n b'), 0);
  assert.equal(count('a my\\ file\n'), 0);
  assert.equal(count('a "\\ "\n'), 0);
});
