/** The made-up company: as large as it is said to be, the same each time, and moving by a few people a day. */

import { demoSource } from '../../../src/sources/demo/index.ts';
import type { ScanPage, SourceGroup, SourceUser } from '../../../src/sources/source.ts';

const context = { signal: new AbortController().signal, record: () => {} };

async function scanned(day: number) {
  const source = demoSource.create({} as Parameters<typeof demoSource.create>[0]);
  const pages: ScanPage[] = [];
  for await (const page of source.scan({ groups: { mode: 'All' }, position: null, day }, context))
    pages.push(page);
  const users: SourceUser[] = pages.flatMap((page) => (page.kind === 'users' ? page.users : []));
  const groups: SourceGroup[] = pages.flatMap((page) => (page.kind === 'groups' ? page.groups : []));
  return { source, pages, users, groups };
}

it('has 60 people with a manager each but the first, and 12 groups', async () => {
  const { users, groups, pages } = await scanned(1);
  expect(users).toHaveLength(60);
  expect(groups).toHaveLength(12);
  expect(new Set(users.map(({ attributes }) => attributes.email)).size).toBe(60);
  const numbers = new Set(users.map(({ attributes }) => attributes.employeeNumber));
  const managers = users.map(({ attributes }) => attributes.managerId);
  expect(managers.filter((one) => one === undefined)).toHaveLength(1);
  expect(managers.filter((one) => one !== undefined && !numbers.has(one))).toEqual([]);
  expect(pages.at(-1)).toEqual({ kind: 'end', position: '1' });
});

it('brings a joiner, a mover and a leaver each day, and is the same each time', async () => {
  const days = await Promise.all([1, 2, 3, 4, 5].map(scanned));
  const facts = ({ users }: { users: readonly SourceUser[] }) =>
    new Map(users.map((user) => [user.id, user]));
  for (const [at, today] of days.entries()) {
    if (at === 0) continue;
    const before = facts(days[at - 1] as (typeof days)[number]);
    const after = facts(today);
    const joined = [...after.keys()].filter((id) => !before.has(id));
    const left = [...before].filter(
      ([id, was]) => was.state === 'active' && after.get(id)?.state !== 'active',
    );
    const moved = [...before].filter(
      ([id, was]) => after.has(id) && after.get(id)?.attributes.department !== was.attributes.department,
    );
    expect([joined.length, moved.length, left.length]).toEqual([1, 1, 1]);
  }
  expect((await scanned(5)).users).toEqual(days[4]?.users);
});

it('says of whoever it deleted that they are gone, and of everybody else that they are there', async () => {
  const { source, users } = await scanned(4);
  const before = await scanned(3);
  const [deleted] = before.users.filter(({ id }) => !users.some((user) => user.id === id));
  expect(await source.lookup('user', deleted?.id ?? '', context)).toEqual({ is: 'gone' });
  expect(await source.lookup('user', users[0]?.id ?? '', context)).toMatchObject({
    is: 'found',
    inScope: true,
  });
});
