/**
 * Random sequences of requests against a model in memory: after each one the store is readable and holds
 * what the model holds, and a version has grown exactly where something changed. What is sent at the same
 * time is not lost either.
 */

import fc from 'fast-check';
import { onEachDatabase } from '../../database.ts';
import { type Client, type EndpointUnderTest, type Reply, startEndpoint } from './endpoint.ts';

/** More with FUZZ_RUNS, for a long look. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 4);

interface User {
  userName: string;
  title?: string;
  active: boolean;
  version: number;
}
interface Group {
  displayName: string;
  members: Set<string>;
  version: number;
}

/** Users and groups by id, also of those that are gone: their ids are sent again. */
interface Model {
  readonly users: Map<string, User>;
  readonly groups: Map<string, Group>;
  readonly ids: { users: string[]; groups: string[] };
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** Changes the model, and answers the status that is due. */
  expect(model: Model, id?: string): number;
}

const pick = fc.nat({ max: 5 });
const names = fc.constantFrom('ann', 'ANN', 'bea', 'cleo');
const titles = fc.option(fc.constantFrom('a', 'b'), { nil: null });
const step = fc.oneof(
  fc.record({ do: fc.constant('createUser' as const), name: names, title: titles }),
  fc.record({ do: fc.constant('putUser' as const), at: pick, name: names, title: titles }),
  fc.record({ do: fc.constant('patchUser' as const), at: pick, title: titles, active: fc.boolean() }),
  fc.record({ do: fc.constant('deleteUser' as const), at: pick }),
  fc.record({
    do: fc.constant('createGroup' as const),
    name: names,
    members: fc.array(pick, { maxLength: 3 }),
  }),
  fc.record({
    do: fc.constant('patchGroup' as const),
    at: pick,
    edits: fc.array(
      fc.record({
        op: fc.constantFrom('add' as const, 'remove' as const, 'replace' as const),
        members: fc.array(pick, { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({ do: fc.constant('deleteGroup' as const), at: pick }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function requestOf(model: Model, next: Step): Request {
  const at = (ids: readonly string[], n: number) => ids[n % Math.max(1, ids.length)] ?? 'nobody';
  const userIds = (picks: readonly number[]) => picks.map((n) => at(model.ids.users, n));
  const members = (ids: readonly string[]) => ids.map((value) => ({ value }));
  const title = 'title' in next && next.title !== null ? { title: next.title } : {};
  switch (next.do) {
    case 'createUser':
      return {
        ...{ method: 'POST', path: '/Users', body: { userName: next.name, ...title } },
        expect: ({ users, ids }, id = '') => {
          if (isTaken(users, (user) => user.userName, next.name)) return 409;
          users.set(id, { userName: next.name, ...title, active: true, version: 1 });
          ids.users.push(id);
          return 201;
        },
      };
    case 'putUser':
    case 'patchUser': {
      const id = at(model.ids.users, next.at);
      const put = next.do === 'putUser' ? { userName: next.name, ...title } : null;
      const patch = next.do === 'patchUser' ? { active: next.active, title: next.title } : null;
      return {
        ...{ method: put ? 'PUT' : 'PATCH', path: `/Users/${id}` },
        body: put ?? { Operations: [{ op: 'replace', value: patch }] },
        expect: ({ users }) => {
          const user = users.get(id);
          if (!user) return 404;
          const renamed = put?.userName ?? user.userName;
          if (isTaken(users, (other) => other.userName, renamed, id)) return 409;
          const active = patch?.active ?? user.active;
          users.set(id, grown(user, { userName: renamed, active, ...title }));
          return 200;
        },
      };
    }
    case 'deleteUser': {
      const id = at(model.ids.users, next.at);
      return {
        ...{ method: 'DELETE', path: `/Users/${id}` },
        expect: ({ users, groups }) => {
          if (!users.delete(id)) return 404;
          for (const group of groups.values()) if (group.members.delete(id)) group.version++;
          return 204;
        },
      };
    }
    case 'createGroup': {
      const ids = userIds(next.members);
      return {
        ...{ method: 'POST', path: '/Groups', body: { displayName: next.name, members: members(ids) } },
        expect: (now, id = '') => {
          if (isTaken(now.groups, (group) => group.displayName, next.name)) return 409;
          if (ids.some((user) => !now.users.has(user))) return 400;
          now.groups.set(id, { displayName: next.name, members: new Set(ids), version: 1 });
          now.ids.groups.push(id);
          return 201;
        },
      };
    }
    case 'patchGroup': {
      const id = at(model.ids.groups, next.at);
      const edits = next.edits.map(({ op, members: picks }) => ({ op, ids: userIds(picks) }));
      const Operations = edits.map(({ op, ids }) => ({ op, path: 'members', value: members(ids) }));
      return {
        ...{ method: 'PATCH', path: `/Groups/${id}`, body: { Operations } },
        expect: ({ users, groups }) => {
          const group = groups.get(id);
          if (!group) return 404;
          const after = edited(group.members, edits);
          if ([...after].some((user) => !users.has(user))) return 400;
          const moved = [...after].sort().join() !== [...group.members].sort().join();
          groups.set(id, { ...group, members: after, version: group.version + (moved ? 1 : 0) });
          return 204;
        },
      };
    }
    case 'deleteGroup': {
      const id = at(model.ids.groups, next.at);
      return {
        ...{ method: 'DELETE', path: `/Groups/${id}` },
        expect: ({ groups }) => (groups.delete(id) ? 204 : 404),
      };
    }
  }
}

function isTaken<T>(all: Map<string, T>, nameOf: (one: T) => string, name: string, but?: string): boolean {
  return [...all].some(([id, one]) => id !== but && nameOf(one).toLowerCase() === name.toLowerCase());
}

function grown(before: User, after: Omit<User, 'version'>): User {
  const { version, ...was } = before;
  const differs = JSON.stringify(Object.entries(was).sort()) !== JSON.stringify(Object.entries(after).sort());
  return { ...after, version: version + (differs ? 1 : 0) };
}

function edited(members: ReadonlySet<string>, edits: readonly { op: string; ids: readonly string[] }[]) {
  let now = new Set(members);
  for (const { op, ids } of edits) {
    if (op === 'replace') now = new Set(ids);
    else for (const id of ids) op === 'add' ? now.add(id) : now.delete(id);
  }
  return now;
}

interface Shown {
  readonly id: string;
  readonly userName: string;
  readonly title?: string;
  readonly active: boolean;
  readonly displayName: string;
  readonly members?: readonly { readonly value: string }[];
  readonly meta: { readonly version: string };
}

async function expectStore(idp: Client, model: Model): Promise<void> {
  const users = await idp.get('/Users?count=1000&excludedAttributes=groups');
  const held = users.body.Resources.map(({ id, userName, title, active, meta }: Shown) => [
    id,
    { userName, ...(title !== undefined && { title }), active, version: versionIn(meta) },
  ]);
  expect(new Map(held)).toEqual(model.users);
  const groups = await idp.get('/Groups?count=1000&attributes=displayName,members,meta');
  const kept = groups.body.Resources.map(({ id, displayName, members = [], meta }: Shown) => [
    id,
    { displayName, members: new Set(members.map(({ value }) => value)), version: versionIn(meta) },
  ]);
  expect(new Map(kept)).toEqual(model.groups);
}

const versionIn = (meta: { version: string }) => Number(/^W\/"(\d+)/.exec(meta.version)?.[1]);

function settle(model: Model, request: Request, reply: Pick<Reply, 'status' | 'body'>): void {
  const due = request.expect(model, reply.body?.id);
  const { method, path, body } = request;
  expect({ method, path, body, status: reply.status }).toEqual({ method, path, body, status: due });
}

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  afterAll(() => endpoint.close());

  it('§3.5.2 leaves the store as the model, and versions that grow where something changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), async (steps) => {
        const idp = await endpoint.connect();
        const model: Model = { users: new Map(), groups: new Map(), ids: { users: [], groups: [] } };
        for (const next of steps) {
          const request = requestOf(model, next);
          settle(model, request, await idp.request(request.method, request.path, request.body));
          await expectStore(idp, model);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('loses nothing of what is written at the same time', async () => {
    const attributes = ['title', 'nickName', 'locale', 'name.givenName', 'name.familyName', 'userType'];
    const write = fc.record({ attribute: fc.constantFrom(...attributes), email: fc.nat({ max: 9 }) });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(write, { selector: (w) => w.email }), async (writes) => {
        const idp = await endpoint.connect();
        const { body: user } = await idp.post('/Users', { userName: 'ann' });
        const { body: group } = await idp.post('/Groups', { displayName: 'G' });
        const ids = await idp.newUsers(writes.length);
        const replies = await Promise.all(
          writes.flatMap(({ attribute, email }, n) => [
            idp.patch(`/Users/${user.id}`, [{ op: 'replace', path: attribute, value: attribute }]),
            idp.patch(`/Users/${user.id}`, [{ op: 'add', path: 'emails', value: [{ value: `${email}@x` }] }]),
            idp.patch(`/Groups/${group.id}`, [{ op: 'add', path: 'members', value: [{ value: ids[n] }] }]),
          ]),
        );
        expect(replies.filter(({ status }) => status !== 200 && status !== 204)).toEqual([]);
        const after = (await idp.get(`/Users/${user.id}`)).body;
        const emails = (after.emails ?? []).map((email: { value: string }) => email.value).sort();
        expect(emails).toEqual(writes.map(({ email }) => `${email}@x`).sort());
        const written = new Set(writes.map(({ attribute }) => attribute));
        for (const name of written)
          expect(name.split('.').reduce((inside, part) => inside?.[part], after)).toBe(name);
        expect(versionIn(after.meta)).toBe(1 + writes.length + written.size);
        const { members = [] } = (await idp.get(`/Groups/${group.id}`)).body;
        expect(members.map((one: { value: string }) => one.value).sort()).toEqual([...ids].sort());
      }),
      { numRuns: RUNS },
    );
  });
});
