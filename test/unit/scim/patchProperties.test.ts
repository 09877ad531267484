/** PATCH against what must hold for every user and every operation. */

import fc from 'fast-check';
import type { Resource } from '../../../src/model/resource.ts';
import { PatchError } from '../../../src/scim/patch/error.ts';
import { patchGroup } from '../../../src/scim/patch/group.ts';
import { patchUser } from '../../../src/scim/patch/user.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'C', 'é', '"', ']', '.'),
  minLength: 1,
  maxLength: 4,
});
const type = fc.constantFrom('work', 'home', 'other');
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const compact = <T extends object>(object: T) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** At most one primary, no type and value twice: as the directory holds them. */
const emails = fc
  .uniqueArray(fc.record({ type, value: text }), {
    minLength: 1,
    maxLength: 4,
    selector: (email) => `${email.type} ${email.value.toLowerCase()}`,
  })
  .chain((list) =>
    fc
      .nat({ max: list.length })
      .map((primary) => list.map((email, i) => (i === primary ? { ...email, primary: true } : email))),
  );
const user: fc.Arbitrary<Resource> = fc
  .record({
    userName: text,
    active: fc.boolean(),
    title: optional(text),
    name: optional(fc.record({ givenName: text, familyName: text })),
    emails: optional(emails),
    [ENTERPRISE]: optional(fc.record({ department: text, manager: fc.record({ value: text }) })),
  })
  .map(compact);

const scalarPath = fc.constantFrom(
  'title',
  'nickName',
  'name.givenName',
  'name.formatted',
  `${ENTERPRISE}:department`,
  `${ENTERPRISE}:costCenter`,
);
const path = fc.oneof(
  scalarPath,
  fc.constantFrom(
    'userName',
    'active',
    'name',
    'emails',
    'emails.display',
    'roles',
    ENTERPRISE,
    `${ENTERPRISE}:manager`,
  ),
  fc
    .tuple(fc.constantFrom('type', 'value'), fc.constantFrom('eq', 'co', 'ne'), fc.oneof(type, text))
    .chain(([sub, op, value]) =>
      fc
        .constantFrom('', '.value', '.type', '.primary', '.display')
        .map((rest) => `emails[${sub} ${op} ${JSON.stringify(value)}]${rest}`),
    ),
);
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.constantFrom(null, '', [], {}, 'True', 7),
  fc
    .record({
      givenName: optional(text),
      value: optional(text),
      type: optional(type),
      primary: optional(fc.boolean()),
    })
    .map(compact),
  emails,
);
const operation = fc.record({
  op: fc.constantFrom('add', 'replace', 'remove', 'Add'),
  path: optional(path),
  value: optional(value),
});

function patched(resource: Resource, ...operations: unknown[]): Resource {
  return patchUser(resource, operations, { unknownAttributes: 'Reject' }).resource;
}

/** Null where it was refused. */
function tried(resource: Resource, operations: readonly unknown[]): Resource | null {
  try {
    return patched(resource, ...operations);
  } catch (error) {
    expect(error).toBeInstanceOf(PatchError);
    return null;
  }
}

function read(resource: Resource, dotted: string): unknown {
  const steps = dotted.startsWith('urn:')
    ? [ENTERPRISE, dotted.slice(ENTERPRISE.length + 1)]
    : dotted.split('.');
  return steps.reduce<unknown>((inner, step) => (inner as Resource | undefined)?.[step], resource);
}

describe('PATCH of any user (RFC 7644 §3.5.2)', () => {
  it('is all or nothing, touches nothing it was given, and leaves a resource that can be stored', () => {
    fc.assert(
      fc.property(user, fc.array(operation, { maxLength: 5 }), (resource, operations) => {
        const before = structuredClone(resource);
        const after = tried(resource, operations);
        expect(resource).toEqual(before);
        if (!after) return;
        expect(JSON.parse(JSON.stringify(after))).toEqual(after);
        expect(typeof after.userName === 'string' && after.userName !== '').toBe(true);
        expect(typeof after.active).toBe('boolean');
        for (const held of Object.values(after))
          expect(held === null || held === '' ? [] : held).not.toEqual({});
        const list = (after.emails ?? []) as { type?: string; value?: string; primary?: boolean }[];
        expect(list.filter((email) => email.primary === true).length).toBeLessThanOrEqual(1);
        const keys = list.filter((email) => email.value !== undefined && email.type !== undefined);
        expect(new Set(keys.map((email) => `${email.type} ${email.value}`.toLowerCase())).size).toBe(
          keys.length,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('is one after the other: two requests are as good as one', () => {
    fc.assert(
      fc.property(user, operation, operation, (resource, first, second) => {
        const half = tried(resource, [first]);
        const whole = tried(resource, [first, second]);
        // One request may finish in its second operation what the first began.
        if (half) expect(tried(half, [second])).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('repeated replacing and removing changes nothing more', () => {
    fc.assert(
      fc.property(user, operation, (resource, change) => {
        fc.pre(change.op === 'replace' || change.op === 'remove');
        const once = tried(resource, [change]);
        // A selected element that was changed may no longer be selected.
        fc.pre(once !== null && !change.path?.includes('['));
        expect(once && patched(once, change)).toEqual(once);
      }),
      { numRuns: 500 },
    );
  });

  it('set, read, unset: a single value', () => {
    fc.assert(
      fc.property(user, scalarPath, text, fc.constantFrom('add', 'replace'), (resource, at, given, op) => {
        const without = patched(resource, { op: 'remove', path: at });
        const set = patched(without, { op, path: at.toUpperCase(), value: given });
        expect(read(set, at)).toBe(given);
        expect(patched(set, { op: 'remove', path: at })).toEqual(without);
        expect(patched(without, { op, value: { [at]: given } })).toEqual(set);
      }),
    );
  });

  it('an element that is added and then removed, by filter or by value, was never there', () => {
    fc.assert(
      fc.property(user, text, (resource, given) => {
        const added = patched(resource, {
          op: 'add',
          path: 'emails',
          value: [{ type: 'fax', value: given }],
        });
        expect(added.emails).toHaveLength(((resource.emails as unknown[]) ?? []).length + 1);
        const filter = `emails[type eq "fax" and value eq ${JSON.stringify(given)}]`;
        expect(patched(added, { op: 'remove', path: filter })).toEqual(resource);
        const named = { op: 'Remove', path: 'emails', value: [{ type: 'fax', value: given }] };
        expect(patched(added, named)).toEqual(resource);
      }),
    );
  });

  it('written through a value path, an element is there, whether it was before or not', () => {
    fc.assert(
      fc.property(user, type, text, fc.constantFrom('Add', 'Replace'), (resource, label, given, op) => {
        const at = `emails[type eq "${label}"].value`;
        const list = patched(resource, { op, path: at, value: given }).emails as {
          type: string;
          value: string;
        }[];
        expect(list.filter((email) => email.type === label).map((email) => email.value)).toEqual([given]);
        const others = ((resource.emails ?? []) as { type: string }[]).filter(
          (email) => email.type !== label,
        );
        expect(list.filter((email) => email.type !== label)).toEqual(others);
      }),
    );
  });
});

describe('PATCH of members as edits', () => {
  it('amounts to what the operations do to a set', () => {
    const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 });
    const change = fc.oneof(
      fc.record({
        op: fc.constantFrom('add', 'replace', 'remove'),
        path: fc.constant('members'),
        value: ids,
      }),
      fc
        .constantFrom('a', 'b')
        .map((id) => ({ op: 'remove', path: `members[value eq "${id}"]`, value: undefined })),
      fc.constant({ op: 'remove', path: 'members', value: undefined }),
    );
    fc.assert(
      fc.property(ids, fc.array(change, { maxLength: 6 }), (start, changes) => {
        let expected = new Set<string>(start);
        for (const { op, path, value } of changes) {
          const named =
            value ?? (path === 'members' ? [...expected] : [path.charAt('members[value eq "'.length)]);
          if (op === 'replace') expected = new Set<string>(named);
          for (const id of named) {
            if (op === 'remove') expected.delete(id);
            else expected.add(id);
          }
        }
        const { members } = patchGroup({ displayName: 'g' }, changes, { unknownAttributes: 'Reject' });
        let found = new Set<string>(start);
        for (const edit of members) {
          if (edit.op === 'removeAll') found = new Set();
          else if (edit.op === 'replace') found = new Set(edit.ids);
          else for (const id of edit.ids) edit.op === 'add' ? found.add(id) : found.delete(id);
        }
        expect(found).toEqual(expected);
      }),
    );
  });
});
