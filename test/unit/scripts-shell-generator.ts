/** Shell scripts for the judge: correct, in every form that batch scripts have, the same for the same seed. */

/** Small, repeatable random numbers from 0 to below 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const words = [
  'a',
  '--outdir=out',
  '-n4',
  '"$PWD"',
  '"a b"',
  "'c; d'",
  '$HOME/x',
  '${NAME}',
  '"${A:-b c}"',
  '$(date)',
  '"$(ls "$X" | wc -l)"',
  'f\\ g',
  '"quoted \\" inside"',
  "it\\'s",
  '"`hostname`/x"',
  'a"b c"d',
  '--seeds=0-49999',
  '"$COMMIT-images/$SEED"',
  '$((N + 1))',
  '"$((2 * (N + 1)))"',
  '${A##*/}',
  '"${A%.*}.png"',
  "$'tab\\t'",
  '{1..3}',
  '*.png',
  'a#b',
  '"#x"',
  '"$@"',
  '$1',
  '$?',
  'https://x.y/z?a=1',
  '%j',
  '~/data',
  'x=y',
  '"${ARRAY[@]}"',
  '${#A}',
  'ä"ö ü"',
  "'multi\nline'",
  '"multi\nline"',
  '$!',
  '=',
  '--',
  '"${A:-"$B"}"',
  '$(echo $(date))',
  '"a\\\\"',
  '@',
  'a,b',
  '+x',
  '%',
  ':',
  '"$(cat <<< "$x")"',
  '<(sort f)',
  `"$(echo ')' "(" )"`,
  '${A//x/_}',
  '"${A/%.png/}"',
  '"${A:?is "not" set}"',
  '$(if true; then echo a; fi)',
  '"$(for i in 1 2; do echo "$i"; done | sort)"',
  '$(echo a # remark\n)',
  '"a $(echo "b $(echo "c")") d"',
  "'a'\\''b'",
  '${A[0]}',
  '"${A[$I]}"',
  '$((A[1] << 2))',
  '-x"$A"',
  '--a="b c"',
  "--a='b c'",
  '--a=$(date +%s)',
  '/path/{a,b}/*',
  '!x',
  'if',
  'done',
];
const programs = [
  'srun',
  'torchrun',
  'apptainer exec --nv',
  'python generate.py',
  'echo',
  'mkdir -p',
  'module load',
  './run.sh',
  '"$PYTHON"',
  '/usr/bin/env',
  'cd',
  'source',
  '.',
  'mpirun -np 4',
  'true',
  'git rev-parse',
  'set -euo',
  'trap',
  'wait',
  'exec',
  'eval',
  'time srun',
  '!',
  '[',
  'test',
].filter((program) => program !== '!' && program !== '[' && !program.startsWith('time'));

/** One script of some twenty commands. */
export function generatedShell(seed: number): string {
  const next = random(seed);
  const pick = (list: readonly string[]): string => list[Math.floor(next() * list.length)] ?? '';
  const some = (most: number): number => Math.floor(next() * (most + 1));
  const chance = (p: number): boolean => next() < p;
  const args = (): string =>
    Array.from(
      { length: some(5) },
      () => `${chance(0.15) ? ' \\\n    ' : chance(0.1) ? '\t ' : ' '}${pick(words)}`,
    ).join('');
  const assignment = (): string =>
    `${pick(['A', 'N', 'COMMIT', 'PATH'])}${chance(0.1) ? '+=' : '='}${chance(0.1) ? '' : pick(words.slice(0, 30))}`;
  const redirect = (): string =>
    pick([' > out.txt', ' >> log', ' 2>&1', ' < in', ' &> all.log', ' 2> /dev/null', ' <<< "$x"', ' >"$OUT"', ' >| f']);
  const simple = (): string => {
    const prefix = chance(0.1) ? `${assignment()} ` : '';
    return `${prefix}${pick(programs)}${args()}${chance(0.2) ? redirect() : ''}${chance(0.05) ? ' 2>&1' : ''}`;
  };
  const pipeline = (): string =>
    (chance(0.2) ? `${pick(programs)}${args()}${pick([' | ', '|', ' |\n  ', ' |& '])}` : '') + simple();
  const setting = (): string =>
    chance(0.5)
      ? assignment()
      : chance(0.2)
        ? `LIST=(${args()} b c)`
        : `export ${assignment()}${chance(0.3) ? ` ${assignment()}` : ''}`;
  const list = (): string =>
    chance(0.2)
      ? setting()
      : Array.from({ length: 1 + (chance(0.2) ? 1 : 0) }, pipeline).join(pick([' && ', ' || ', '; ', ' &&\n  ', '&&']));
  const document = (): string => {
    const name = pick(['EOF', 'END', 'E_1']);
    const tabs = chance(0.2);
    const spelled = pick([name, `'${name}'`, `"${name}"`, `\\${name}`]);
    const body = Array.from(
      { length: some(3) },
      () => `${tabs ? '\t' : ''}${pick(['text $A', 'srun not a command', "it's", '"half', '# x', 'a (b', ''])}\n`,
    ).join('');
    return `${pick(['cat', 'python3', 'tee f'])} <<${tabs ? '-' : ''}${chance(0.3) ? ' ' : ''}${spelled}${chance(0.2) ? ' > out' : ''}${chance(0.15) ? ' | sort' : ''}\n${body}${tabs ? '\t' : ''}${name}`;
  };
  const body = (depth: number): string =>
    Array.from({ length: 1 + some(2) }, () => `  ${statement(depth + 1)}\n`).join('');
  const condition = (): string =>
    pick([
      '[ -f "$A" ]',
      '[[ $A == b* && -n $B ]]',
      'grep -q x f',
      '! test -d d',
      '(( N > 3 ))',
      '[ "$A" = "b c" ] && [ -n "$B" ]',
    ]);
  const statement = (depth: number): string => {
    const kind = depth > 2 ? 1 : next();
    if (kind < 0.06)
      return `if ${condition()}; then\n${body(depth)}${chance(0.4) ? `elif ${condition()}; then\n${body(depth)}` : ''}${chance(0.4) ? `else\n${body(depth)}` : ''}fi`;
    if (kind < 0.12)
      return `for I in ${pick(['1 2 3', '$(seq 3)', '"${ARRAY[@]}"', '*.png'])}; do\n${body(depth)}done${chance(0.2) ? ' > log' : ''}`;
    if (kind < 0.16) return `while ${condition()}; do\n${body(depth)}done${chance(0.3) ? ' < in' : ''}`;
    if (kind < 0.2)
      return `case ${pick(['$A', '"$1"'])} in\n  a) ${simple()} ;;\n  b|c*) ${simple()}\n  ;;\n  *)\n${body(depth)}  ;;\nesac`;
    if (kind < 0.24) return `${pick(['run()', 'run ()', 'function run'])} {\n${body(depth)}}`;
    if (kind < 0.27) return `( ${list()} )`;
    if (kind < 0.3) return `{ ${list()}; }${chance(0.3) ? ' > log' : ''}`;
    if (kind < 0.33) return `for ((i = 0; i < 3; i++)); do\n${body(depth)}done`;
    if (kind < 0.4 && depth === 0) return document();
    if (kind < 0.42 && depth === 0)
      return `${pick(['bash', 'srun -n 1 sh -s', 'ssh h bash'])} <<'EOF'\n${body(depth)}EOF`;
    if (kind < 0.45) return `${pick(['bash -c', 'srun bash -lc'])} 'cd x && python "$A" -n 1; srun echo $B'`;
    if (kind < 0.48) return `${simple()} &`;
    if (kind < 0.51) return `${simple()} # remark "with quote`;
    if (kind < 0.55) return `if ${condition()}; then ${list()}; else ${list()}; fi`;
    if (kind < 0.57) return `${simple()} && { ${simple()}; ${simple()}; } || exit 1`;
    if (kind < 0.59) return `{ ${simple()}; ${simple()}; } 2>&1 | tee log`;
    if (kind < 0.61) return `while read -r line; do ${list()}; done < <(ls)`;
    if (kind < 0.63) return `( cd x && ${list()} ) &`;
    if (kind < 0.64) return `((N++))`;
    if (kind < 0.65) return `run() { ${simple()}; }`;
    if (kind < 0.67) return `until ${condition()}; do ${list()}; done`;
    return list();
  };
  return `#!/bin/bash\n#SBATCH --time=10\n\n${Array.from({ length: 20 }, () => `${chance(0.1) ? '# comment (with\n' : ''}${statement(0)}\n`).join('')}`;
}
