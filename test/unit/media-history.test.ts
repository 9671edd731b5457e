import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLUMNS, DEFAULT_SORTING, rowOf, sortRecords } from '../../media/history/columns';
import { FIELD_NAMES, readFilter } from '../../server/shared/record-filter';
import { ACROSS } from '../../media/history/across';
import { groupRecords, type Group } from '../../media/history/groups';
import { markerOf } from '../../media/history/markers';
import { tableText } from '../../media/history/table-text';
import { thinned } from '../../media/history/thinning';
import { valueScale } from '../../media/scale';
import { nextSorting } from '../../media/sorting';
import type { HistoryRecord } from '../../server/shared/protocol';
import { makeCode, makeRecord } from './history-records';

function filterRecords(records: readonly HistoryRecord[], text: string): HistoryRecord[] {
  return records.filter(readFilter(text, (record) => rowOf(record).searched).passes);
}

function onlyGroup(records: readonly HistoryRecord[]): Group {
  const [group, ...others] = groupRecords(records);
  assert.ok(group && others.length === 0);
  return group;
}

test('unlike numbers never share a group: metric, detector, reference and N each split', () => {
  const base = makeRecord();
  const unlike = [
    base,
    makeRecord({ metric: 'FID' }),
    makeRecord({ detector: { ...base.detector, sha256: 'e'.repeat(64) } }),
    makeRecord({ reference: { ...base.reference, sha256: 's'.repeat(64) } }),
    makeRecord({ num: 2000 }),
  ];
  const groups = groupRecords(unlike);
  assert.equal(groups.length, 5);
  assert.equal(new Set(groups.map(({ title }) => title)).size, 5, 'titles tell all of them apart');
  assert.deepEqual(
    groups
      .flatMap(({ points }) => points.map(({ record }) => record))
      .sort((a, b) => unlike.indexOf(a) - unlike.indexOf(b)),
    unlike,
  );
  assert.equal(onlyGroup([base]).title, 'FD (fashion-mnist) against fashion-mnist, N = 1,000');
});

test('commits lie in time order, whatever the order of the measurements', () => {
  const a = makeCode('a', '2026-11-01T00:30:00+02:00');
  const b = makeCode('b', '2026-10-31T23:00:00Z');
  const records = [
    makeRecord({ code: b, time: '2026-11-02T00:00:00Z' }),
    makeRecord({ code: a, time: '2026-11-03T00:00:00Z' }),
  ];
  const group = onlyGroup(records);
  assert.deepEqual(
    group.slots.map(({ short }) => short[0]),
    ['a', 'b'],
    '00:30 at +02:00 is before 23:00 UTC',
  );
  assert.deepEqual(
    group.points.map(({ x }) => x),
    [0, 1],
  );
});

test('results that share a commit are distinct points inside its width, joined by run name only', () => {
  const code = makeCode('a', '2026-11-01T00:00:00Z');
  const next = makeCode('b', '2026-11-02T00:00:00Z');
  const names = ['one', 'two', 'one', 'three', 'two'];
  const records = names.map((name, at) => makeRecord({ name, code, time: `2026-11-05T00:0${at}:00Z`, value: at + 1 }));
  const group = onlyGroup([...records, makeRecord({ name: 'two', code: next, value: 9 })]);
  const here = group.points.filter(({ record }) => record.code === code);
  assert.equal(new Set(here.map(({ x }) => x)).size, 5);
  assert.ok(here.every(({ x }) => Math.abs(x) < 0.5));
  assert.deepEqual(
    group.series.map(({ name, points }) => [name, points.map(({ record }) => record.value)]),
    [
      ['one', [1, 3]],
      ['three', [4]],
      ['two', [2, 5, 9]],
    ],
  );
  assert.ok(group.points.every(({ series, record }) => group.series[series]?.name === record.name));
});

test('the group measured last comes first', () => {
  const old = makeRecord({ metric: 'FID', time: '2026-01-01T00:00:00Z' });
  const recent = makeRecord({ time: '2026-11-01T00:00:00Z' });
  assert.deepEqual(
    groupRecords([old, recent]).map(({ first }) => first),
    [recent, old],
  );
});

test('linear ticks are nice, evenly spaced and enclose the values', () => {
  const cases: [number[], string[]][] = [
    [
      [2.9, 5.9],
      ['2', '3', '4', '5', '6'],
    ],
    [
      [0.11, 0.19],
      ['0.10', '0.12', '0.14', '0.16', '0.18', '0.20'],
    ],
    [
      [0, 1000],
      ['0', '200', '400', '600', '800', '1000'],
    ],
    [
      [3, 3],
      ['2.6', '2.8', '3.0', '3.2', '3.4'],
    ],
    [
      [0, 0],
      ['-1.0', '-0.5', '0.0', '0.5', '1.0'],
    ],
    [
      [-0.002, 0.003],
      ['-0.002', '-0.001', '0.000', '0.001', '0.002', '0.003'],
    ],
  ];
  for (const [values, labels] of cases) {
    const scale = valueScale(values, 'linear');
    assert.deepEqual(
      scale.ticks.map(({ label }) => label),
      labels,
      String(values),
    );
    for (const value of values) assert.ok(scale.at(value) >= 0 && scale.at(value) <= 1);
  }
});

test('positions are exact: ticks at their values, linear in value or in its logarithm', () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 300; round++) {
    const values = Array.from({ length: 1 + Math.floor(random() * 6) }, () => 10 ** (random() * 8 - 3));
    for (const kind of ['linear', 'log'] as const) {
      const scale = valueScale(values, kind);
      const map = kind === 'log' ? Math.log : (value: number): number => value;
      assert.equal(scale.kind, kind);
      assert.ok(
        scale.ticks.length >= 2 && scale.ticks.length <= 13,
        `${scale.ticks.length} ticks for ${values.join()}`,
      );
      for (const { value, label } of scale.ticks)
        assert.ok(Math.abs(Number(label) - value) <= 1e-9 * Math.abs(value) + 1e-12);
      assert.equal(new Set(scale.ticks.map(({ label }) => label)).size, scale.ticks.length);
      const [low = NaN, high = NaN] = [scale.ticks.at(0)?.value, scale.ticks.at(-1)?.value];
      assert.ok(Math.abs(scale.at(high) - 1) < 1e-9);
      for (const value of values) {
        const at = scale.at(value);
        assert.ok(at >= -1e-9 && at <= 1 + 1e-9, `${value} at ${at}`);
        const expected = scale.at(low) + ((map(value) - map(low)) / (map(high) - map(low))) * (1 - scale.at(low));
        assert.ok(Math.abs(at - expected) < 1e-9);
      }
    }
  }
});

test('a logarithmic axis refuses values that are not positive', () => {
  assert.equal(valueScale([0, 5], 'log').kind, 'linear');
  assert.equal(valueScale([-1e-7, 5], 'log').kind, 'linear');
  assert.deepEqual(
    valueScale([1.5, 90], 'log').ticks.map(({ label }) => label),
    ['1', '2', '5', '10', '20', '50', '100'],
  );
});

test('series differ in more than colour', () => {
  const looks = Array.from({ length: 36 }, (_, series) => markerOf(series));
  assert.equal(new Set(looks.map((look) => JSON.stringify(look))).size, 36);
  const first = looks.slice(0, 6);
  assert.equal(new Set(first.map(({ outline }) => outline)).size, 6);
  assert.equal(new Set(first.map(({ dash }) => dash)).size, 6);
});

test('sorting: numbers as numbers, ties newest first, every column both ways', () => {
  const records = [9.5, 10.25, 2].map((value, at) =>
    makeRecord({ value, name: `cfg${[10, 9, 9][at]}`, time: `2026-11-0${at + 1}T00:00:00Z` }),
  );
  const values = (column: string, descending: boolean): number[] =>
    sortRecords(records, { column, descending }).map(({ value }) => value);
  assert.deepEqual(values('value', false), [2, 9.5, 10.25]);
  assert.deepEqual(values('value', true), [10.25, 9.5, 2]);
  assert.deepEqual(values('name', false), [2, 10.25, 9.5], 'cfg9 before cfg10, the newer of equals first');
  assert.deepEqual(values('name', true), [9.5, 2, 10.25]);
  assert.deepEqual(values(DEFAULT_SORTING.column, DEFAULT_SORTING.descending), [2, 10.25, 9.5]);
  assert.deepEqual(values('gone in this version', false), [9.5, 10.25, 2]);
  assert.deepEqual(nextSorting({ column: 'value', descending: false }, 'value'), { column: 'value', descending: true });
  assert.deepEqual(nextSorting({ column: 'value', descending: true }, 'num'), { column: 'num', descending: false });
});

test('the filter wants every word somewhere in the row', () => {
  const dirty = makeRecord({ name: 'churn', code: { ...makeCode('c', '2026-11-01T00:00:00Z'), dirty: true } });
  const records = [makeRecord(), dirty];
  assert.deepEqual(filterRecords(records, ' CHURN uncommitted '), [dirty]);
  assert.deepEqual(filterRecords(records, 'churn clean'), []);
  assert.deepEqual(filterRecords(records, 'author'), records);
  assert.deepEqual(filterRecords(records, ''), records);
  assert.equal(new Set(COLUMNS.map(({ id }) => id)).size, COLUMNS.length);
});

test('across evaluations: a line for each solver, through its newest result at each number; what has none is left out', () => {
  const made = (nfe: number, sampler: Partial<HistoryRecord['sampler']>, value: number, minute: number): HistoryRecord =>
    makeRecord({ sampler: { steps: nfe, nfe, rng: 'cpu', ...sampler }, value, time: `2026-11-05T00:${minute}:00Z` });
  const records = [
    made(8, { solver: 'dpmpp-2m' }, 2, 10),
    made(35, {}, 1, 11),
    made(5, { solver: 'dpmpp-2m' }, 3, 12),
    made(5, { solver: 'dpmpp-2m' }, 3.5, 13),
    made(5, { solver: 'dpmpp-2m', sigmas: [80, 1] }, 2.5, 14),
    made(8, { solver: 'unipc', order: 3, variant: 'bh2' }, 4, 15),
    made(35, { S_churn: 40 }, 1.5, 16),
    makeRecord({ sampler: undefined }),
  ];
  const [group, ...others] = groupRecords(records, ACROSS.nfe);
  assert.ok(group && others.length === 0);
  assert.deepEqual(group.slots.map(({ short }) => short), ['NFE 5', 'NFE 8', 'NFE 35']);
  assert.equal(group.points.length, 7);
  const lines = group.series.map(({ name, corners }) => [name, corners.map(({ record }) => record.value)]);
  assert.deepEqual(lines, [
    ['dpmpp-2m', [3.5, 2]],
    ['dpmpp-2m, own levels', [2.5]],
    ['heun', [1]],
    ['heun, S_churn 40', [1.5]],
    ['unipc 3 bh2', [4]],
  ]);
  const other = made(8, { solver: 'dpmpp-2m' }, 2, 17);
  other.network = { name: 'other', sha256: 'o'.repeat(64) };
  const names = groupRecords([...records.slice(0, 1), other], ACROSS.nfe).flatMap(({ series }) => series.map(({ name }) => name));
  assert.deepEqual(names, ['dpmpp-2m, fashion-mnist', 'dpmpp-2m, other']);
}); // prettier-ignore

test('thinning: few points are all drawn; of many the last of each place, and no look is lost while another square will do', () => {
  const point = (x: number, y: number, look: string, nth: number) => ({ x, y, look, nth });
  const few = Array.from({ length: 100 }, (_, nth) => point(1, 1, 'a', nth));
  assert.deepEqual(thinned(few, 100), few, 'points that cover each other too');
  const crowd = Array.from({ length: 5000 }, (_, nth) => point(nth % 50, (nth * 7) % 40, nth % 2 ? 'a' : 'b', nth));
  const drawn = thinned(crowd, 300);
  assert.ok(drawn.length <= 300 && drawn.length > 100, String(drawn.length));
  assert.deepEqual(new Set(drawn.map(({ look }) => look)), new Set(['a', 'b']));
  assert.deepEqual(
    drawn.map(({ nth }) => nth),
    drawn.map(({ nth }) => nth).sort((a, b) => a - b),
    'in their order',
  );
  for (const { x, y, look, nth } of crowd) {
    const near = drawn.some((one) => one.nth >= nth && one.look === look && Math.hypot(one.x - x, one.y - y) < 9 * 2);
    assert.ok(near, `point ${nth} is covered by a later one beside it`);
  }
});

test('thinning: as many points as there are places are thinned to what a picture holds', () => {
  const everywhere = Array.from({ length: 10_000 }, (_, nth) => ({ x: (nth * 7919) % 800, y: (nth * 104729) % 180, look: String(nth % 36) }));
  const drawn = thinned(everywhere, 1000);
  assert.ok(drawn.length <= 1000, String(drawn.length));
}); // prettier-ignore

test('10,000 results: groups, order and filter are what they are of few', () => {
  const many = Array.from({ length: 10_000 }, (_, nth) =>
    makeRecord({
      id: String(nth),
      name: `sweep-${nth % 7}`,
      code: makeCode(String.fromCharCode(97 + (nth % 26)), new Date(Date.UTC(2026, 0, 1 + (nth % 26))).toISOString()),
      time: new Date(Date.UTC(2026, 1, 1) + ((nth * 7919) % 10_000) * 1000).toISOString(),
      value: (nth * 31) % 997,
    }),
  );
  const group = onlyGroup(many);
  assert.equal(group.points.length, 10_000);
  assert.equal(group.slots.length, 26);
  assert.equal(new Set(group.points.map(({ record }) => record.id)).size, 10_000);
  assert.ok(group.points.every(({ record, x }) => group.slots[Math.round(x)]?.key === record.code.commit));
  assert.ok(group.series.every(({ name, points }) => points.every(({ record }) => record.name === name)));
  const sorted = sortRecords(many, { column: 'value', descending: false });
  assert.deepEqual(
    sorted.map(({ value }) => value),
    many.map(({ value }) => value).sort((a, b) => a - b),
  );
  assert.equal(filterRecords(many, 'SWEEP-3').length, many.filter(({ name }) => name === 'sweep-3').length);
});

test('the filter takes conditions on fields: numbers, dates, texts, options with their defaults', () => {
  const sampler = { steps: 18, nfe: 35, rng: 'cpu' as const };
  const plain = makeRecord({ id: 'plain', value: 2 });
  const churned = makeRecord({
    ...{ id: 'churned', value: 1.5, class: 3, time: '2026-10-02T00:00:00Z', name: 'with churn' },
    sampler: { ...sampler, steps: 8, nfe: 8, S_churn: 40, solver: 'dpmpp-2m' },
    code: { ...makeCode('b', '2026-10-01T00:00:00Z'), dirty: true },
  });
  const unknown = makeRecord({ id: 'unknown', sampler: undefined, network: undefined, value: 9 });
  const all = [plain, churned, unknown];
  const cases: [filter: string, found: HistoryRecord[]][] = [
    ['steps<18', [churned]],
    ['steps<=18', [plain, churned]],
    ['steps>8', [plain]],
    ['nfe=35', [plain]],
    ['S_churn=0', [plain]],
    ['s_churn>=40 class:3', [churned]],
    ['S_max=inf', [plain, churned]],
    ['S_max>1000', [plain, churned]],
    ['solver:heun', [plain]],
    ['solver=dpmpp-2m', [churned]],
    ['commit:bbb', [churned]],
    ['commit:abb', []],
    ['time>=2026-11', [plain, unknown]],
    ['time<=2026-10', [churned]],
    ['time<2026-10-02', []],
    ['dirty:yes', [churned]],
    ['config:"with churn"', [churned]],
    ['"with churn"', [churned]],
    ['value<9 value>1.5', [plain]],
    ['network:fashion', [plain, churned]],
    ['', all],
  ];
  for (const [filter, found] of cases) {
    assert.deepEqual(filterRecords(all, filter), found, filter);
    assert.equal(readFilter(filter).problem, undefined, filter);
  }
  assert.match(readFilter('stps<18').problem ?? '', /no field stps.*steps/);
  assert.match(readFilter('steps<many').problem ?? '', /many is no number/);
  assert.ok(FIELD_NAMES.includes('sigma_max'));
});

test('the table as text: every form, with what would end a cell escaped', () => {
  const records = [
    makeRecord({
      ...{ value: 1.971, standard_error: 0.02, name: 'a|b_c', seeds: undefined, network: undefined, sampler: undefined },
      code: { ...makeCode('a', '2026-11-20T10:00:00Z'), subject: '=HYPERLINK("x"), 100 % {\\input}\nnext' },
    }),
    makeRecord({ value: -0.5 }),
  ];
  const markdown = tableText(records, 'markdown').split('\n');
  assert.match(markdown[0] ?? '', /^\| Commit \| Value \| Metric \|.*\| Subject \|/);
  assert.match(markdown[2] ?? '', /\| 1\.97 ± 0\.02 \|.*\| a\\\|b\\_c \|.*\| =HYPERLINK\("x"\), 100 % \{\\\\input\} next \|/);
  const cells = (line = ''): number => line.replaceAll('\\|', '').split('|').length;
  assert.deepEqual(new Set(markdown.slice(0, 4).map(cells)).size, 1);
  assert.equal(markdown.length, 5);

  const csv = tableText(records, 'csv').split('\r\n');
  assert.match(csv[0] ?? '', /^commit,subject,dirty,config,metric,value,standard_error,N,/);
  assert.match(csv[1] ?? '', /^a{40},"'=HYPERLINK\(""x""\), 100 % \{\\input\} next",false,a\|b_c,FD \(fashion-mnist\),1\.971,0\.02,1000,/);
  assert.match(csv[2] ?? '', /,-0\.5,,1000,/, 'a number below 0 is no formula');

  const latex = tableText(records, 'latex');
  assert.match(latex, /^\\begin\{tabular\}\{lrlr[lr]*\}\n/);
  assert.match(latex, / 1\.97 \$\\pm\$ 0\.02 & .* a\|b\\_c & .* 100 \\% \\\{\\textbackslash\{\}input\\\} next & /);
  assert.doesNotMatch(tableText(records.slice(0, 1), 'markdown'), /Network|Steps/, 'nothing to say');
}); // prettier-ignore
