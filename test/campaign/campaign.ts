/**
 * `npm run campaign`: faults of every kind, by chance, until the time is over. What failed is printed with the options that show
 * it again.
 *
 *     npm run campaign -- --minutes 20 --seed 7           everything
 *     npm run campaign -- --seed 7 --only pickle --at 31  one try again
 */
import { parseArgs } from 'node:util';
import { fuzz, READERS, type Failure } from './fuzz';
import { PARTS } from './parts';

/** Of the whole time, what the damaged inputs get. */
const INPUTS_SHARE = 0.4;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    inputs: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '400' },
    only: { type: 'string' },
    at: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const seed = Number(values.seed);
  const start = Date.now();
  const end = start + Number(values.minutes) * 60_000;
  const failures: Failure[] = [];
  const report = (name: string, tries: number, found: readonly Failure[]): void => {
    failures.push(...found);
    console.log(`${name.padEnd(14)} ${String(tries).padStart(6)} tries, ${found.length} failures`);
    for (const { what, again } of found) console.log(`  ${what}\n  again: npm run campaign -- ${again}`);
  };
  console.log(`seed ${seed}, ${values.minutes} minutes`);

  const readers = READERS.filter((name) => !values.only || name === values.only);
  const each = Math.ceil(Number(values.inputs) / Math.max(1, readers.length));
  let tries = 0;
  for (const [index, name] of readers.entries()) {
    const [from, to] = values.at ? [Number(values.at), Number(values.at)] : [0, each - 1];
    // What one reader leaves of its share goes to the next ones.
    const share = (start + (end - start) * INPUTS_SHARE - Date.now()) / (readers.length - index);
    const outcome = await fuzz(name, seed, from, to, Date.now() + share);
    report(name, outcome.tries, outcome.failures);
    tries += outcome.tries;
  }
  const parts = PARTS.filter(({ name }) => !values.only || name === values.only);
  let faults = 0;
  for (const [index, { name, run }] of parts.entries()) {
    const until = Date.now() + (end - Date.now()) / (parts.length - index);
    const outcome = await run({
      seed,
      from: Number(values.at ?? 0),
      rounds: values.at ? 1 : Number(values.rounds),
      until,
    });
    report(name, outcome.tries, outcome.failures);
    faults += outcome.tries;
  }
  const minutes = ((Date.now() - start) / 60_000).toFixed(1);
  console.log(`${tries} inputs and ${faults} faults in ${minutes} minutes, seed ${seed}: ${failures.length} failures`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

void main();
