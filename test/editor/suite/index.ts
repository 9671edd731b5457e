/** Entry of the suite inside the extension host: loads mocha, runs, and leaves its counts and durations for `npm test`. */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

/** @throws Error if a test failed */
export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'tdd', timeout: 120_000, color: false });
  mocha.suite.emit('pre-require', globalThis, 'suite', mocha);
  await import('./extension');
  await new Promise<void>((resolve, reject) => {
    const tests: { title: string; ms: number; pending: boolean }[] = [];
    const runner = mocha.run((failures) => (failures > 0 ? reject(new Error(`${failures} failed`)) : resolve()));
    runner.on('test end', (test) =>
      tests.push({ title: test.fullTitle(), ms: test.duration ?? 0, pending: test.isPending() }),
    );
    runner.on('end', () => {
      const { passes = 0, failures = 0 } = runner.stats ?? {};
      if (process.env.EDM_TEST_RESULTS) {
        writeFileSync(process.env.EDM_TEST_RESULTS, JSON.stringify({ passes, failures, tests }));
      }
    });
  });
}
