/** The tables "Missing from a scan" and "The brake on a source" of docs/design.md, row by row. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { heldBecause } from '../../../src/plan/pull/brake.ts';
import { type Absence, meaningOf, provesAbsence } from '../../../src/plan/pull/missing.ts';
import { inOrder, type Naming, namesOf, type Ordered } from '../../../src/plan/pull/order.ts';

const DESIGN = readFileSync(join(__dirname, '../../../docs/design.md'), 'utf8');

const LOOKUPS = ['gone', 'foundInScope', 'foundOutOfScope', 'unknown', null] as const;

const ROWS: readonly [string, Partial<Absence>, string][] = [
  ['P1', { scan: 'incomplete' }, 'unknown'],
  ['P2', { isUnread: true }, 'unknown'],
  ['P3', { lookup: 'gone' }, 'gone'],
  ['P4', { lookup: 'foundInScope' }, 'unknown'],
  ['P5', { lookup: 'foundOutOfScope' }, 'filtered'],
  ['P6', { lookup: 'foundOutOfScope', takesFiltered: true }, 'filteredLeaves'],
  ['P7', { lookup: 'unknown' }, 'unknown'],
];

it.each(ROWS)('%s', (row, absence, meaning) => {
  expect(DESIGN).toContain(`| ${row} |`);
  expect(
    meaningOf({ scan: 'complete', isUnread: false, lookup: 'gone', takesFiltered: false, ...absence }),
  ).toBe(meaning);
});

it('calls nobody gone but whom the source itself called so, in a complete scan', () => {
  for (const scan of ['complete', 'incomplete'] as const)
    for (const isUnread of [true, false])
      for (const takesFiltered of [true, false])
        for (const lookup of LOOKUPS) {
          const meaning = meaningOf({ scan, isUnread, takesFiltered, lookup });
          const mayGo = scan === 'complete' && !isUnread;
          if (meaning === 'gone') expect([mayGo, lookup]).toEqual([true, 'gone']);
          if (meaning === 'filteredLeaves') expect([mayGo, takesFiltered]).toEqual([true, true]);
        }
});

it('P8: believes no absence of a scan in which one is unknown', () => {
  expect(DESIGN).toContain('| P8 |');
  expect(provesAbsence(['gone', 'filtered'])).toBe(true);
  expect(provesAbsence(['gone', 'unknown'])).toBe(false);
});

const LOSSES = { active: 1000, leaving: 0, renaming: 0, groups: [], percent: 5, min: 10 };

it('P12: lets the limit itself pass, and holds one more', () => {
  expect(DESIGN).toContain('| P12 |');
  expect(heldBecause({ ...LOSSES, leaving: 50 })).toBeNull();
  expect(heldBecause({ ...LOSSES, leaving: 51 })).toContain('51 of 1000');
  expect(heldBecause({ ...LOSSES, active: 20, leaving: 10 })).toBeNull();
  expect(heldBecause({ ...LOSSES, active: 20, leaving: 11 })).toContain('limit is 10');
  expect(heldBecause({ ...LOSSES, leaving: 1000, percent: 100 })).toBeNull();
});

it('P13: holds what takes more than half of a group of five or more', () => {
  expect(DESIGN).toContain('| P13 |');
  const group = (members: number, leaving: number) =>
    heldBecause({ ...LOSSES, groups: [{ name: 'Readers', members, leaving }] });
  expect(group(4, 4)).toBeNull();
  expect(group(6, 3)).toBeNull();
  expect(group(5, 3)).toContain('Readers');
});

it('P14: holds what would replace the names or addresses of too many', () => {
  expect(DESIGN).toContain('| P14 |');
  expect(heldBecause({ ...LOSSES, renaming: 50 })).toBeNull();
  expect(heldBecause({ ...LOSSES, renaming: 51 })).toContain('51 of 1000');
  expect(heldBecause({ ...LOSSES, renaming: 1000, percent: 100 })).toBeNull();
});

describe('the order of lines', () => {
  const line = (op: string, sourceId: string, detail: Naming['detail'] = {}) => ({
    ...{ op, kind: 'user', sourceId, ...namesOf({ op, kind: 'user', detail }) },
  });
  const renamed = (sourceId: string, from: string, to: string) =>
    line('update', sourceId, { attributes: [{ name: 'userName', from, to }] });
  const order = (lines: Parameters<typeof inOrder>[0], depth: Readonly<Record<string, number>> = {}) =>
    inOrder(lines, (id) => depth[id] ?? 0).map(({ sourceId }) => sourceId);

  it('lets go first, and makes managers before those whom they lead', () => {
    const lines = [line('update', 'u'), line('create', 'led'), line('create', 'boss')];
    expect(order([...lines, line('remove', 'r'), line('deactivate', 'd')], { led: 1 })).toEqual([
      ...['r', 'd', 'boss', 'led', 'u'],
    ]);
  });

  it('lets groups go first, and makes new ones last', () => {
    const lines = ['create', 'update', 'remove'].map((op) => ({ ...line(op, op), kind: 'group' }));
    expect(order(lines)).toEqual(['remove', 'update', 'create']);
  });

  it('gives each name up before somebody takes it', () => {
    const chain = [renamed('a', 'A', 'b'), renamed('b', 'B ', 'c'), renamed('c', 'c', 'new')];
    expect(order(chain)).toEqual(['c', 'b', 'a']);
    expect(order([line('create', 'n', { userName: 'a' }), renamed('a', 'A', 'x')])).toEqual(['a', 'n']);
    const long = Array.from({ length: 20_000 }, (_, at) => renamed(`${at}`, `${at}`, `${at + 1}`));
    expect(order(long).slice(0, 2)).toEqual(['19999', '19998']);
  });

  it('keeps those together whose names go round', () => {
    const chain = [renamed('x', 'x', 'y'), renamed('y', 'y', 'z')];
    const circle = [renamed('a', 'a', 'b'), renamed('b', 'b', 'c'), renamed('c', 'c', 'a')];
    const lines = inOrder<Ordered>([...chain, ...circle, renamed('s', 'S', 's')], () => 0);
    expect(lines.map(({ sourceId, circle: of }) => `${sourceId} ${of ?? '-'}`)).toEqual([
      ...['y -', 'x -', 'a a', 'b a', 'c a', 's -'],
    ]);
  });
});
