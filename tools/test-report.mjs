/** A reporter for node's test runner: one line of JSON for each test, each file and each count, for `npm test` to read. */

/**
 * @typedef {object} ReportLine one of three kinds
 * @property {'test' | 'file' | 'count'} kind
 * @property {string} name of the test; of the file, relative to the working folder; of what is counted (`pass`, `fail`, ...)
 * @property {string} [file] of a test, relative to the working folder
 * @property {number} value duration in ms, or the count
 * @property {string | true} [skipped] a test that was skipped, with its reason where it gives one
 */

/** @param {string | undefined} file @returns {string} */
const relative = (file) => (file ?? '').replace(`${process.cwd()}/`, '');

/** @param {import('node:test/reporters').TestEvent} event @returns {ReportLine | undefined} */
function lineOf({ type, data }) {
  if (type === 'test:complete' && data.name === data.file) {
    return { kind: 'file', name: relative(data.file), value: data.details.duration_ms };
  }
  if ((type === 'test:pass' || type === 'test:fail') && data.details.type !== 'suite') {
    const skipped = data.skip === undefined || data.skip === false ? undefined : data.skip || true;
    return { kind: 'test', name: data.name, file: relative(data.file), value: data.details.duration_ms, skipped };
  }
  const [, name, value] = (type === 'test:diagnostic' && !data.file && /^([a-z]+) (\d+)$/.exec(data.message)) || [];
  return name === undefined ? undefined : { kind: 'count', name, value: Number(value) };
}

/** @param {AsyncIterable<import('node:test/reporters').TestEvent>} source */
export default async function* report(source) {
  for await (const event of source) {
    const line = lineOf(event);
    if (line) yield `${JSON.stringify(line)}\n`;
  }
}
