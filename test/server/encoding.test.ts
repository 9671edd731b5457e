/** Scripts in UTF-16, as PowerShell 5 writes them: flagged by name, and converted by lint --fix. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { lintFile } from '../../server/commands/lint-files';
import { TestServer } from './connection';
import { cli, temporaryFolder } from './workspace';

const SCRIPT =
  '#!/bin/bash\n#SBATCH --job-name=ä\n#SBATCH --account=a\n#SBATCH --output=a-%j.out\n#SBATCH --time=00:10:00\necho hi\n';
const little = (text: string): Buffer => Buffer.from(text, 'utf16le');

/** One script as programs of Windows save it. */
const FORMS: Readonly<Record<string, { bytes: Buffer; name: string }>> = {
  'little.slurm': { bytes: little(`\ufeff${SCRIPT}`), name: 'UTF-16 \\(little endian\\)' },
  'crlf.slurm': { bytes: little(`\ufeff${SCRIPT.replaceAll('\n', '\r\n')}`), name: 'UTF-16 \\(little endian\\)' },
  'no-mark.slurm': { bytes: little(SCRIPT), name: 'UTF-16 \\(little endian\\)' },
  'big.slurm': { bytes: little(`\ufeff${SCRIPT}`).swap16(), name: 'UTF-16 \\(big endian\\)' },
};

for (const [file, { bytes, name }] of Object.entries(FORMS))
  test(`${file}: an error that names the encoding; lint --fix makes it UTF-8, the text unchanged`, async () => {
    const script = path.join(temporaryFolder(), file);
    writeFileSync(script, bytes);
    chmodSync(script, 0o750);
    const before = await lintFile(script, {});
    const [first] = before;
    assert.deepEqual([first?.id, first?.severity, first?.line], ['wrong-encoding', 'error', 1]);
    assert.match(first?.message ?? '', new RegExp(name));
    assert.ok(readFileSync(script).equals(bytes), 'nothing is written without --fix');
    const after = await lintFile(script, { fix: true });
    assert.equal(readFileSync(script, 'utf8'), SCRIPT);
    assert.equal(statSync(script).mode & 0o777, 0o750);
    assert.deepEqual(after, await lintFile(script, {}));
    assert.ok(!after.some(({ severity }) => severity === 'error'));
  });

test('the command line ends with 1 for it, with 0 once it is converted', () => {
  const script = path.join(temporaryFolder(), 'a.slurm');
  writeFileSync(script, FORMS['little.slurm']?.bytes ?? '');
  assert.equal(cli(path.dirname(script), 'lint', script).status, 1);
  assert.equal(cli(path.dirname(script), 'lint', '--fix', script).status, 0);
  assert.equal(cli(path.dirname(script), 'lint', script).status, 0);
});

test('an editor that has decoded it is told too', async () => {
  const server = await TestServer.start();
  try {
    const folder = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    const [wide, plain] = [path.join(folder, 'wide.slurm'), path.join(folder, 'plain.slurm')];
    const found: (string | number | undefined)[][] = [];
    for (const [file, bytes] of [
      [wide, little(`\ufeff${SCRIPT}`)],
      [plain, Buffer.from(SCRIPT)],
    ] as const) {
      writeFileSync(file, bytes);
      const uri = await server.open(file, SCRIPT, 'shellscript');
      found.push((await server.diagnostics(uri)).map(({ code }) => code));
    }
    assert.deepEqual(
      found.map((codes) => codes.includes('wrong-encoding')),
      [true, false],
    );
  } finally {
    server.stop();
  }
});
