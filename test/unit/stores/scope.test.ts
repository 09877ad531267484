/** Who is in scope, asked in SQL on both databases, against an oracle that goes through the people one by one. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Knex } from 'knex';
import { countMoved } from '../../../src/control/impact.ts';
import { insertConnection } from '../../../src/db/identity/connections.ts';
import { insertEnvironmentOnce } from '../../../src/db/identity/environments.ts';
import { addMembers } from '../../../src/db/identity/groupMembers.ts';
import { insertGroup } from '../../../src/db/identity/groups.ts';
import { speakingUsers } from '../../../src/db/identity/persons.ts';
import { insertUser, softDeleteUser } from '../../../src/db/identity/users.ts';
import { insertLink } from '../../../src/db/seen/links.ts';
import { linkedOutside } from '../../../src/db/stores/scope.ts';
import { groupInScope, peopleInScope, type RuleTerms, scopeOf } from '../../../src/stores/scope.ts';
import { newId } from '../../../src/support/ids.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, store } from '../directory/tenants.ts';

interface Someone {
  readonly person: number;
  readonly title: string;
  /** Of the primary connection; a person has at most one live user in each. */
  readonly primary: boolean;
  readonly deleted: boolean;
  readonly groups: readonly number[];
}
interface Terms {
  readonly active: boolean;
  readonly expression: 'title eq "a"' | 'not (title eq "a")' | null;
  readonly groups: readonly number[];
}

const GROUPS = 3;
const PERSONS = 5;

const someone: fc.Arbitrary<Someone> = fc.record({
  person: fc.nat(PERSONS - 1),
  title: fc.constantFrom('a', 'b', 'A'),
  primary: fc.boolean(),
  deleted: fc.boolean(),
  groups: fc.uniqueArray(fc.nat(GROUPS - 1), { maxLength: 2 }),
});
const terms: fc.Arbitrary<Terms> = fc.record({
  active: fc.boolean(),
  expression: fc.constantFrom('title eq "a"' as const, 'not (title eq "a")' as const, null),
  groups: fc.uniqueArray(fc.nat(GROUPS - 1), { maxLength: 2 }),
});
const people = fc.uniqueArray(someone, {
  maxLength: 7,
  selector: ({ person, primary }) => `${person} ${primary}`,
});
const rules = fc.array(terms, { maxLength: 3 });

const live = (all: readonly Someone[], person: number) =>
  all.filter((user) => user.person === person && !user.deleted);

/** The people, by number, whom the rules include. */
function includes(all: readonly Someone[], given: readonly Terms[]): Set<number> {
  const active = given.filter((rule) => rule.active);
  const included = new Set<number>();
  for (let person = 0; person < PERSONS; person++) {
    const users = live(all, person);
    const speaking = users.find((user) => user.primary) ?? users[0];
    if (!speaking) continue;
    const isA = speaking.title.toLowerCase() === 'a';
    const matches = active.some(
      (rule) =>
        (rule.expression === null || (rule.expression === 'title eq "a"') === isA) &&
        (rule.groups.length === 0 || users.some((user) => user.groups.some((g) => rule.groups.includes(g)))),
    );
    if (active.length === 0 || matches) included.add(person);
  }
  return included;
}

async function tenant(db: Knex) {
  const environmentId = newId();
  await insertEnvironmentOnce(db, { id: environmentId, name: environmentId, createdAt: AT, updatedAt: AT });
  const connectionOf = async (isPrimary: boolean) => {
    const id = newId();
    await insertConnection(db, {
      id,
      environmentId,
      name: id,
      handle: id,
      strategy: 'okta',
      isPrimary,
      unknownAttributes: 'Reject',
      retentionDays: null,
      metadata: {},
      userIdAttribute: 'userName',
      mapping: null,
      createdAt: AT,
      updatedAt: AT,
    });
    return id;
  };
  return {
    environmentId,
    primary: await connectionOf(true),
    secondary: await connectionOf(false),
    storeId: await store(db, environmentId),
  };
}

/** Writes the people with an enabled account each; answers the ids by number. */
async function write(db: Knex, all: readonly Someone[]) {
  const place = await tenant(db);
  const { environmentId, storeId } = place;
  const groups: string[] = [];
  for (let n = 0; n < GROUPS; n++) {
    const resource = { displayName: `group ${n}` };
    const id = newId();
    await insertGroup(db, { id, environmentId, connectionId: place.primary, resource, createdAt: AT });
    groups.push(id);
  }
  const persons = Array.from({ length: PERSONS }, () => newId());
  for (const id of persons) {
    await db('persons').insert({ id, environment_id: environmentId, created_at: AT });
    await insertLink(
      db,
      {
        environmentId,
        storeId,
        subject: { kind: 'user', id },
        remoteId: id,
        remoteName: id,
        origin: 'created',
        state: 'enabled',
      },
      AT,
    );
  }
  for (const { person, title, primary, deleted, groups: mine } of all) {
    const user = await insertUser(db, {
      id: newId(),
      environmentId,
      connectionId: primary ? place.primary : place.secondary,
      personId: persons[person] as string,
      resource: { userName: newId(), title },
      createdAt: AT,
    });
    if (deleted) await softDeleteUser(db, user, AT);
    for (const n of mine) await addMembers(db, groups[n] as string, [user.id], AT);
  }
  return { environmentId, storeId, groups, persons };
}

function toTerms(given: readonly Terms[], groups: readonly string[]): readonly RuleTerms[] {
  return given.map(({ active, expression, groups: named }) => ({
    active,
    populationExpression: expression,
    groups: named.map((n) => groups[n] as string),
  }));
}

/** The rows of the table "Scope" in docs/design.md. */
function designRows(): readonly (readonly string[])[] {
  const design = readFileSync(join(process.cwd(), 'docs/design.md'), 'utf8');
  const section = design.split('\n## Scope\n')[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('| S'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const GROUP_NUMBER: Readonly<Record<string, number>> = { x: 0, y: 1 };

/** "title a and in x" → one rule. */
function readRule(text: string): Terms {
  return {
    active: !text.startsWith('inactive'),
    expression: text.includes('title a') ? 'title eq "a"' : null,
    groups: [...text.matchAll(/in ([xy])/g)].map(([, name = '']) => GROUP_NUMBER[name] as number),
  };
}

function readPerson(text: string): Someone {
  const groups = [...text.matchAll(/in ([xy])/g)].map(([, name = '']) => GROUP_NUMBER[name] as number);
  return { person: 0, title: text.includes('title a') ? 'a' : 'b', primary: true, deleted: false, groups };
}

onEachDatabase((open, dialect) => {
  let db: Knex;
  beforeAll(async () => {
    db = await open();
  });

  it.each(designRows())('%s: %s; %s', async (_, given = '', who = '', inScope, x, y) => {
    const made = await write(db, [readPerson(who)]);
    const terms = given === 'none' ? [] : given.split(';').map((text) => readRule(text.trim()));
    const scope = scopeOf(toTerms(terms, made.groups), dialect);
    const speaking = await speakingUsers(db, made.persons);
    const found = await peopleInScope(db, scope, [...speaking.values()]);
    const yesOrNo = (value: boolean) => (value ? 'yes' : 'no');
    expect([
      yesOrNo(found.size === 1),
      yesOrNo(groupInScope(scope, made.groups[0] as string)),
      yesOrNo(groupInScope(scope, made.groups[1] as string)),
    ]).toEqual([inScope, x, y]);
  });

  it('has a table to go by', () => expect(designRows().length).toBeGreaterThan(10));

  it('is as a walk through everyone says, and so is what a change of rules moves', async () => {
    await fc.assert(
      fc.asyncProperty(people, rules, rules, async (all, before, after) => {
        const made = await write(db, all);
        const [was, becomes] = [includes(all, before), includes(all, after)];
        const scope = scopeOf(toTerms(before, made.groups), dialect);
        const speaking = await speakingUsers(db, made.persons);
        const found = await peopleInScope(db, scope, [...speaking.values()]);
        expect(found).toEqual(new Set([...was].map((n) => made.persons[n])));

        const counted = await countMoved(
          db,
          made.environmentId,
          toTerms(before, made.groups),
          toTerms(after, made.groups),
        );
        const newcomers = [...becomes].filter((n) => !was.has(n)).length;
        const leavers = [...was].filter((n) => !becomes.has(n)).length;
        expect(counted).toEqual({ entering: newcomers, leaving: leavers });

        if (scope.people === null) return;
        const outside: string[] = [];
        for await (const range of linkedOutside(db, made.storeId, scope.people)) outside.push(...range);
        const expected = made.persons.filter((_, n) => live(all, n).length > 0 && !was.has(n));
        expect(outside.sort()).toEqual(expected.sort());
      }),
      { numRuns: 40 },
    );
  });
});

it('provisions the groups that a rule names, and all where one names none', () => {
  const rule = (active: boolean, ...groups: string[]) => ({ active, populationExpression: null, groups });
  const named = scopeOf([rule(true, 'a'), rule(false)], 'sqlite');
  expect(['a', 'b'].map((id) => groupInScope(named, id))).toEqual([true, false]);
  const all = scopeOf([rule(true, 'a'), { ...rule(true), populationExpression: 'title pr' }], 'sqlite');
  expect(['a', 'b'].map((id) => groupInScope(all, id))).toEqual([true, true]);
  expect(all.deciding).toEqual(new Set(['a']));
  expect(scopeOf([rule(false, 'a')], 'sqlite').people).toBeNull();
});

it('never takes an expression that cannot be read for one that includes nobody', () => {
  const broken = [{ active: true, populationExpression: 'title eq', groups: [] }];
  expect(() => scopeOf(broken, 'sqlite')).toThrow('The filter ends');
});
