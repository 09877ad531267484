/**
 * PATCH against a reading of RFC 7644 §3.5.2 that knows nothing of how the bridge does it: it is naive, and
 * works on values that are plain. Any sequence of operations must come to the same, or be refused by both.
 */

import fc from 'fast-check';
import { PatchError } from '../../../src/scim/patch/error.ts';
import { patchUser } from '../../../src/scim/patch/user.ts';

/** More with FUZZ_RUNS, for a long look. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 500);

interface Email {
  type?: string;
  value?: string;
  display?: string;
  primary?: boolean;
}
interface User {
  userName: string;
  title?: string;
  name?: Record<string, string>;
  emails?: Email[];
}
type Part = keyof Email;

type Test =
  | {
      kind: 'compare';
      part: 'type' | 'value' | 'display';
      op: 'eq' | 'ne' | 'co' | 'sw' | 'ew';
      text: string;
    }
  | { kind: 'pr'; part: Part }
  | { kind: 'primary'; is: boolean }
  | { kind: 'not'; test: Test }
  | { kind: 'and' | 'or'; tests: [Test, Test] };

type Change =
  | { do: 'title'; op: string; text: string | null }
  | { do: 'name'; op: string; name: Record<string, string> }
  | { do: 'namePart'; op: string; part: string; text: string | null }
  | { do: 'emails'; op: string; emails: Email[] | null }
  | { do: 'chosen'; op: string; test: Test; element: Email | null }
  | { do: 'chosenPart'; op: string; test: Test | null; part: Part; value: string | boolean | null };

const same = (a: unknown, b: unknown) => String(a ?? '').toLowerCase() === String(b ?? '').toLowerCase();

function holds(test: Test, email: Email): boolean {
  switch (test.kind) {
    case 'not':
      return !holds(test.test, email);
    case 'and':
      return test.tests.every((one) => holds(one, email));
    case 'or':
      return test.tests.some((one) => holds(one, email));
    case 'pr':
      return email[test.part] !== undefined;
    case 'primary':
      return email.primary === test.is;
  }
  const held = email[test.part]?.toLowerCase();
  const text = test.text.toLowerCase();
  if (test.op === 'ne') return held !== text;
  if (held === undefined) return false;
  if (test.op === 'eq') return held === text;
  if (test.op === 'co') return held.includes(text);
  return test.op === 'sw' ? held.startsWith(text) : held.endsWith(text);
}

/** The list with one more, where its value and type are not there yet; and who stands for it. */
function include(list: Email[], email: Email): Email {
  const known = list.find((other) =>
    email.value === undefined
      ? (['type', 'value', 'display', 'primary'] as const).every((part) => same(other[part], email[part]))
      : same(other.value, email.value) && (email.type === undefined || same(other.type, email.type)),
  );
  if (known) return Object.assign(known, email);
  list.push(email);
  return email;
}

function onePrimary(list: Email[], touched: Email[]): Email[] {
  const first = touched.find((email) => email.primary && list.includes(email));
  const chosen = first ?? list.find((email) => email.primary);
  for (const email of list) if (email.primary && email !== chosen) email.primary = false;
  return list;
}

/** `type` and `primary` that an `and` of comparisons asks for. */
function label(test: Test): Email {
  if (test.kind === 'and') return { ...label(test.tests[0]), ...label(test.tests[1]) };
  if (test.kind === 'primary') return { primary: test.is };
  return test.kind === 'compare' && test.op === 'eq' && test.part === 'type' ? { type: test.text } : {};
}

const isMore = (email: Email) => email.value !== undefined || email.display !== undefined;

/** Null where the operation must be refused. */
function changed(user: User, change: Change): User | null {
  const next = structuredClone(user);
  const list = next.emails ?? [];
  const set = (emails: Email[]): User => {
    if (emails.length > 0) next.emails = emails;
    else delete next.emails;
    return next;
  };
  switch (change.do) {
    case 'title':
      if (change.op === 'remove' || (change.op === 'replace' && change.text === null)) delete next.title;
      else if (change.text !== null) next.title = change.text;
      return next;
    case 'name':
      if (change.op === 'remove') delete next.name;
      else if (Object.keys(change.name).length > 0) next.name = { ...next.name, ...change.name };
      return next;
    case 'namePart': {
      const name = { ...next.name };
      if (change.op === 'remove' || (change.op === 'replace' && change.text === null))
        delete name[change.part];
      else if (change.text !== null) name[change.part] = change.text;
      if (Object.keys(name).length > 0) next.name = name;
      else delete next.name;
      return next;
    }
    case 'emails': {
      if (change.op === 'remove') return set([]);
      const all = change.op === 'add' ? list : [];
      const touched = (change.emails ?? []).map((email) => include(all, { ...email }));
      return set(onePrimary(all, touched));
    }
    case 'chosen':
    case 'chosenPart':
      return changedElements(change, list, set);
  }
}

function changedElements(
  change: Extract<Change, { test: Test | null }>,
  list: Email[],
  set: (emails: Email[]) => User,
): User | null {
  const { op, test } = change;
  const chosen = list.filter((email) => test === null || holds(test, email));
  if (change.do === 'chosen' && op === 'remove') return set(list.filter((email) => !chosen.includes(email)));
  const parts = change.do === 'chosen' ? change.element : { [change.part]: change.value };
  if (change.do === 'chosenPart' && (op === 'remove' || change.value === null)) {
    if (op === 'add') return set(list);
    for (const email of chosen) delete email[change.part];
    return set(list.filter((email) => !chosen.includes(email) || isMore(email)));
  }
  if (parts === null) return null;
  if (chosen.length === 0) {
    const made: Email = { ...(test && label(test)), ...parts };
    if (test && !holds(test, made)) return null;
    const stands = include(list, made);
    return isMore(stands) ? set(onePrimary(list, [stands])) : null;
  }
  for (const email of chosen) Object.assign(email, parts);
  if (!('value' in parts) && !('type' in parts)) return set(onePrimary(list, chosen));
  const apart: Email[] = [];
  for (const email of list) include(apart, email);
  return set(onePrimary(apart, chosen));
}

const text = fc.string({ unit: fc.constantFrom('a', 'É', '"', ']', '\\'), minLength: 1, maxLength: 2 });
const type = fc.constantFrom('work', 'Work', 'home');
const op = fc.constantFrom('add', 'replace', 'remove');
const email = fc.record(
  { value: text, type, display: text, primary: fc.boolean() },
  { requiredKeys: ['value'] },
);
const { test } = fc.letrec<{ test: Test }>((tie) => ({
  test: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record({
      kind: fc.constant('compare' as const),
      part: fc.constantFrom('type' as const, 'value' as const, 'display' as const),
      op: fc.constantFrom('eq' as const, 'ne' as const, 'co' as const, 'sw' as const, 'ew' as const),
      text: fc.oneof(type, text),
    }),
    fc.record({
      kind: fc.constant('pr' as const),
      part: fc.constantFrom<Part>('type', 'display', 'primary'),
    }),
    fc.record({ kind: fc.constant('primary' as const), is: fc.boolean() }),
    fc.record({ kind: fc.constant('not' as const), test: tie('test') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      tests: fc.tuple(tie('test'), tie('test')),
    }),
  ),
}));
const nothing = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null, freq: 8 });
const part = fc.constantFrom('givenName', 'familyName');
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ do: fc.constant('title' as const), op, text: nothing(text) }),
  fc.record({ do: fc.constant('name' as const), op, name: fc.dictionary(part, text, { maxKeys: 2 }) }),
  fc.record({ do: fc.constant('namePart' as const), op, part, text: nothing(text) }),
  fc.record({ do: fc.constant('emails' as const), op, emails: nothing(fc.array(email, { maxLength: 3 })) }),
  fc.record({ do: fc.constant('chosen' as const), op, test, element: nothing(email) }),
  fc
    .tuple(
      op,
      nothing(test),
      fc.constantFrom<Part>('type', 'value', 'display', 'primary'),
      text,
      fc.boolean(),
    )
    .chain(([op, test, part, text, flag]) =>
      nothing(fc.constant(part === 'primary' ? flag : text)).map((value) => ({
        do: 'chosenPart' as const,
        ...{ op, test, part, value },
      })),
    ),
);

function written(test: Test): string {
  switch (test.kind) {
    case 'compare':
      return `${test.part} ${test.op} ${JSON.stringify(test.text)}`;
    case 'pr':
      return `${test.part.toUpperCase()} pr`;
    case 'primary':
      return `primary Eq ${test.is}`;
    case 'not':
      return `not (${written(test.test)})`;
    default:
      return `(${written(test.tests[0])}) ${test.kind} (${written(test.tests[1])})`;
  }
}

/** With a path or, where that says the same, as a key of a value without one. */
function operationOf(change: Change, withoutPath: boolean): object {
  const [path, value] = pathAndValue(change);
  if (change.op === 'remove') return { op: 'Remove', path };
  return withoutPath
    ? { op: change.op, value: { [path]: value } }
    : { op: change.op.toUpperCase(), path, value };
}

function pathAndValue(change: Change): [string, unknown] {
  switch (change.do) {
    case 'title':
      return ['TITLE', change.text];
    case 'name':
      return ['name', change.name];
    case 'namePart':
      return [`name.${change.part}`, change.text];
    case 'emails':
      return ['emails', change.emails];
    case 'chosen':
      return [`emails[${written(change.test)}]`, change.element];
    case 'chosenPart':
      return [`emails${change.test ? `[${written(change.test)}]` : ''}.${change.part}`, change.value];
  }
}

function patched(user: User, operations: readonly object[]): unknown {
  try {
    return patchUser({ ...user }, operations, { unknownAttributes: 'Reject' }).resource;
  } catch (error) {
    expect(error).toBeInstanceOf(PatchError);
    return null;
  }
}

it('comes to what a naive reading of RFC 7644 §3.5.2 comes to, operation by operation', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(change, fc.boolean()), { minLength: 1, maxLength: 8 }), (changes) => {
      let user: User = { userName: 'ann' };
      for (const [next, withoutPath] of changes) {
        const operation = operationOf(next, withoutPath);
        const expected = changed(user, next);
        expect({ user, operation, is: patched(user, [operation]) }).toEqual({
          user,
          operation,
          is: expected,
        });
        user = expected ?? user;
      }
    }),
    { numRuns: RUNS },
  );
});
