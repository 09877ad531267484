/**
 * The filter translator against an oracle that shares no code with it: random filters, each made together
 * with the answer that RFC 7644 §3.4.2.2 gives for a resource as a client sees it.
 */

import fc from 'fast-check';
import type { Knex } from 'knex';
import { parseFilter } from '../../../src/directory/query/parse.ts';
import { filterToSql } from '../../../src/directory/query/sql.ts';
import type { Kind } from '../../../src/model/subject.ts';
import { onEachDatabase } from '../../database.ts';
import { addGroup, addUser, openDirectory } from './people.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

type Json = Record<string, unknown>;
/** A filter's text, and whether it holds for a resource or for an element. */
interface Case {
  readonly text: string;
  holds(resource: Json): boolean;
}
interface Spec {
  readonly name: string;
  readonly type: 'text' | 'exact' | 'boolean';
}

const TEXTS = [
  'a',
  'A',
  'ab',
  'aB',
  'b%',
  'b_',
  'bx',
  '100%',
  '\\',
  '"',
  "it's",
  'Ärger',
  'ärger',
  'äR',
  'straße',
  '日本',
  '!',
  'a]b)',
  '',
];
const text = fc.oneof(
  fc.constantFrom(...TEXTS),
  fc.string({ unit: fc.constantFrom('a', 'B', '%', '_', 'é'), maxLength: 3 }),
);
const asciiText = text.filter((value) => /^[\x20-\x7e]*$/.test(value));

const compact = (object: Json): Json =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const entry = fc
  .record({
    value: optional(text),
    type: optional(fc.constantFrom('work', 'Home', 'ä')),
    primary: optional(fc.boolean()),
  })
  .map(compact);
const address = fc
  .record({ locality: optional(text), type: optional(fc.constantFrom('work', 'home')) })
  .map(compact);
const list = (element: fc.Arbitrary<Json>) => optional(fc.array(element, { minLength: 1, maxLength: 3 }));
const user = fc
  .record({
    externalId: optional(text),
    displayName: optional(text),
    active: fc.boolean(),
    title: optional(text),
    profileUrl: optional(text),
    name: optional(fc.record({ givenName: optional(text), familyName: optional(text) }).map(compact)),
    emails: list(entry),
    addresses: list(address),
    [ENTERPRISE]: optional(
      fc
        .record({
          department: optional(text),
          manager: optional(fc.record({ value: optional(text) }).map(compact)),
        })
        .map(compact),
    ),
  })
  .map(compact);

// What the RFC says, once more.
function compare(stored: unknown, op: string, value: unknown, spec: Spec): boolean {
  if (op === 'ne') return !compare(stored, 'eq', value, spec);
  if (stored === undefined) return false;
  if (spec.type === 'boolean') return stored === value;
  const fold = (x: unknown) => (spec.type === 'exact' ? String(x) : String(x).toLowerCase());
  const [left, right] = [fold(stored), fold(value)];
  const order = [...left].map((c) => c.codePointAt(0) ?? 0);
  const other = [...right].map((c) => c.codePointAt(0) ?? 0);
  const at = order.findIndex((code, i) => code !== other[i]);
  const sign =
    at < 0 ? Math.sign(order.length - other.length) : (order[at] ?? 0) > (other[at] ?? -1) ? 1 : -1;
  switch (op) {
    case 'eq':
      return left === right;
    case 'co':
      return left.split(right).length > 1 || right === '';
    case 'sw':
      return left.slice(0, right.length) === right;
    case 'ew':
      return right === '' || left.slice(-right.length) === right;
    case 'gt':
      return sign > 0;
    case 'ge':
      return sign >= 0;
    case 'lt':
      return sign < 0;
    default:
      return sign <= 0;
  }
}

const present = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(present)
    : typeof value === 'object' && value !== null
      ? Object.values(value).some(present)
      : value !== undefined && value !== '';

function at(resource: Json, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Json | undefined)?.[step], resource);
}

const anyCase = (word: string) =>
  fc.constantFrom(word, word.toUpperCase(), word.toLowerCase(), word.charAt(0).toUpperCase() + word.slice(1));

/** `attribute op value`, or `attribute pr`, on what `read` finds. */
function test(spec: Spec, read: (resource: Json) => unknown): fc.Arbitrary<Case> {
  const value = spec.type === 'boolean' ? fc.boolean() : text;
  const anyOp = fc.tuple(
    fc.constantFrom('eq', 'ne', ...(spec.type === 'boolean' ? [] : ['co', 'sw', 'ew'])),
    value,
  );
  const orderOp = fc.tuple(fc.constantFrom('gt', 'ge', 'lt', 'le'), asciiText);
  const comparison: fc.Arbitrary<[string, unknown]> =
    spec.type === 'boolean' ? anyOp : fc.oneof(anyOp, orderOp);
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(anyCase(spec.name), comparison).chain(([name, [op, v]]) =>
        anyCase(op).map((written) => ({
          text: `${name} ${written} ${JSON.stringify(v)}`,
          holds: (resource: Json) => compare(read(resource), op, v, spec),
        })),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(anyCase(spec.name), fc.constantFrom('pr', 'ne null')).map(([name, op]) => ({
        text: `${name} ${op}`,
        holds: (resource: Json) => present(read(resource)),
      })),
    },
  );
}

const elementsOf = (resource: Json, name: string) => (resource[name] ?? []) as Json[];

/** `name.sub op value`: some element does. `eq null` and `pr` are about all of them. */
function listTest(name: string, sub: Spec, written: string): fc.Arbitrary<Case> {
  return test({ ...sub, name: 'x' }, (element) => element[sub.name]).map((inner) => ({
    text: inner.text.replace(/^x/i, written),
    holds: (resource: Json) => elementsOf(resource, name).some((element) => inner.holds(element)),
  }));
}

function combined(leaf: fc.Arbitrary<Case>, depth: number): fc.Arbitrary<Case> {
  const { tree } = fc.letrec<{ tree: Case }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: depth, withCrossShrink: true },
      leaf,
      tie('tree').map((inner) => ({ text: `not (${inner.text})`, holds: (r: Json) => !inner.holds(r) })),
      fc.array(tie('tree'), { minLength: 2, maxLength: 3 }).map((terms) => ({
        text: terms.map(({ text }) => `(${text})`).join(' and '),
        holds: (r: Json) => terms.every((term) => term.holds(r)),
      })),
      fc.array(tie('tree'), { minLength: 2, maxLength: 3 }).map((terms) => ({
        text: terms.map(({ text }) => `(${text})`).join(' OR '),
        holds: (r: Json) => terms.some((term) => term.holds(r)),
      })),
    ),
  }));
  return tree;
}

/** Without parentheses: `and` binds closer than `or`. */
function flat(leaf: fc.Arbitrary<Case>): fc.Arbitrary<Case> {
  const row = fc.array(fc.array(leaf, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
  return row.map((rows) => ({
    text: rows.map((terms) => terms.map((term) => term.text).join(' and ')).join(' or '),
    holds: (r: Json) => rows.some((terms) => terms.every((term) => term.holds(r))),
  }));
}

function valuePath(name: string, subs: readonly Spec[]): fc.Arbitrary<Case> {
  const inner = fc.oneof(...subs.map((sub) => test(sub, (element) => element[sub.name])));
  return combined(inner, 2).map((filter) => ({
    text: `${name}[${filter.text}]`,
    holds: (resource: Json) => elementsOf(resource, name).some((element) => filter.holds(element)),
  }));
}

function singular(path: readonly string[], type: Spec['type'] = 'text', written = path.join('.')) {
  return test({ name: 'x', type }, (resource) => at(resource, path)).map((inner) => ({
    text: inner.text.replace(/^x/i, written),
    holds: inner.holds,
  }));
}

const EMAIL: readonly Spec[] = [
  { name: 'value', type: 'text' },
  { name: 'type', type: 'text' },
  { name: 'primary', type: 'boolean' },
];

function userCases(groupIds: readonly string[]): fc.Arbitrary<Case> {
  const groupId = fc.constantFrom(...groupIds, 'nothing');
  const leaf = fc.oneof(
    singular(['userName']),
    singular(['externalId'], 'exact'),
    singular(['displayName'], 'text', 'urn:ietf:params:scim:schemas:core:2.0:User:displayName'),
    singular(['active'], 'boolean'),
    singular(['title']),
    singular(['profileUrl'], 'exact'),
    singular(['name', 'givenName']),
    singular([ENTERPRISE, 'department'], 'text', `${ENTERPRISE}:department`),
    singular([ENTERPRISE, 'manager', 'value'], 'text', `${ENTERPRISE}:manager`),
    fc.constantFrom('name', 'emails', 'addresses', 'groups', ENTERPRISE).map((name) => ({
      text: `${name} pr`,
      holds: (resource: Json) => present(resource[name]),
    })),
    // `emails` means its value, but where presence is asked: then all of it.
    listTest('emails', { name: 'value', type: 'text' }, 'emails').filter(
      ({ text }) => !/^emails (pr|ne null)$/.test(text),
    ),
    ...EMAIL.map((sub) => listTest('emails', sub, `emails.${sub.name}`)),
    listTest('addresses', { name: 'locality', type: 'text' }, 'addresses.locality'),
    valuePath('emails', EMAIL),
    valuePath('addresses', [
      { name: 'locality', type: 'text' },
      { name: 'type', type: 'text' },
    ]),
    listTest('groups', { name: 'display', type: 'text' }, 'groups.display'),
    groupId.map((id) => ({
      text: `groups[value eq "${id}" and type eq "Direct"]`,
      holds: (resource: Json) => elementsOf(resource, 'groups').some((group) => group.value === id),
    })),
  );
  return fc.oneof(combined(leaf, 3), flat(leaf));
}

function groupCases(userIds: readonly string[]): fc.Arbitrary<Case> {
  const member: Spec = { name: 'value', type: 'exact' };
  const leaf = fc.oneof(
    singular(['displayName']),
    singular(['externalId'], 'exact'),
    listTest('members', { name: 'display', type: 'text' }, 'members.display'),
    valuePath('members', [member, { name: 'display', type: 'text' }]),
    fc
      .tuple(fc.constantFrom(...userIds, 'nobody'), fc.constantFrom('members', 'members.value'))
      .map(([id, name]) => ({
        text: `${name} eq ${id}`,
        holds: (resource: Json) => elementsOf(resource, 'members').some(({ value }) => value === id),
      })),
  );
  return fc.oneof(combined(leaf, 3), flat(leaf));
}

const RUNS = 250;
const USERS = 40;
const GROUPS = 12;

onEachDatabase((open, dialect) => {
  let db: Knex;
  const users: Json[] = [];
  const groups: Json[] = [];

  beforeAll(async () => {
    db = await openDirectory(open);
    const seed = 20260101;
    for (const [i, resource] of fc.sample(user, { numRuns: USERS, seed }).entries()) {
      const whole = { ...resource, userName: `${TEXTS[i % TEXTS.length]}${i}` };
      users.push({ ...whole, id: await addUser(db, whole), groups: [] });
    }
    const group = fc.record({
      externalId: optional(text),
      who: fc.subarray([...users.keys()], { maxLength: 6 }),
    });
    for (const [i, { externalId, who }] of fc.sample(group, { numRuns: GROUPS, seed }).entries()) {
      const whole = compact({ displayName: `${TEXTS[i]}${i}`, externalId });
      const members = who.map((n) => users[n] as Json);
      const id = await addGroup(
        db,
        whole,
        members.map((member) => member.id as string),
      );
      for (const member of members)
        (member.groups as Json[]).push({ value: id, display: whole.displayName, type: 'direct' });
      groups.push({
        ...whole,
        id,
        members: members.map((member) => ({
          value: member.id,
          display: member.displayName ?? member.userName,
          type: 'User',
        })),
      });
    }
  });

  async function agree(kind: Kind, resources: readonly Json[], filter: Case): Promise<void> {
    const { sql, bindings } = filterToSql(parseFilter(filter.text, Number.POSITIVE_INFINITY), kind, dialect);
    const rows = await db(kind === 'user' ? 'users' : 'groups')
      .whereRaw(sql, bindings as never)
      .select('id');
    const expected = resources.filter((resource) => filter.holds(resource)).map(({ id }) => id);
    expect(rows.map((row) => row.id).sort()).toEqual(expected.sort());
  }

  it('finds the users that the oracle finds', async () => {
    const cases = userCases(groups.map(({ id }) => id as string));
    await fc.assert(
      fc.asyncProperty(cases, (filter) => agree('user', users, filter)),
      { numRuns: RUNS },
    );
  });

  it('finds the groups that the oracle finds', async () => {
    const cases = groupCases(users.map(({ id }) => id as string));
    await fc.assert(
      fc.asyncProperty(cases, (filter) => agree('group', groups, filter)),
      { numRuns: RUNS },
    );
  });
});
