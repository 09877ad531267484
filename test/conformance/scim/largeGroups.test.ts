/** A group of many members is answered while it is read, and exactly as one that is answered whole. */

import { MEMBERS_PER_PAGE } from '../../../src/db/identity/groupMembers.ts';
import { onEachDatabase } from '../../database.ts';
import { type Client, type EndpointUnderTest, startEndpoint } from './endpoint.ts';

const ROWS_PER_INSERT = 500;
const AT = '2026-01-01T00:00:00.000Z';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
    idp = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  /** Answers the group's id and, in the order of ids, those of its members. */
  async function groupOf(displayName: string, members: number): Promise<{ id: string; ids: string[] }> {
    const { id } = (await idp.post('/Groups', { displayName })).body;
    const numbers = Array.from({ length: members }, (_, n) => n);
    const idOf = (n: number) => `${displayName}-${String(n).padStart(5, '0')}`;
    const { connectionId, environmentId } = idp;
    await endpoint.db.transaction(async (tx) => {
      for (let from = 0; from < members; from += ROWS_PER_INSERT) {
        const some = numbers.slice(from, from + ROWS_PER_INSERT).map(idOf);
        await tx('persons').insert(some.map((id) => ({ id, environment_id: environmentId, created_at: AT })));
        await tx('users').insert(
          some.map((id) => ({
            ...{ id, person_id: id, environment_id: environmentId, connection_id: connectionId },
            ...{
              user_name: id,
              user_name_lower: id,
              display_name: `"${id}"`,
              active: true,
              version: 1,
              created_at: AT,
              updated_at: AT,
            },
            resource: '{}',
          })),
        );
        await tx('group_members').insert(some.map((user_id) => ({ group_id: id, user_id, created_at: AT })));
      }
    });
    return { id, ids: numbers.map(idOf) };
  }

  it.each([MEMBERS_PER_PAGE - 1, MEMBERS_PER_PAGE, MEMBERS_PER_PAGE * 2 + 3])(
    'of %i members: everybody once, and all else of the group',
    async (count) => {
      const { id, ids } = await groupOf(`g${count}`, count);
      const streamed = await idp.get(`/Groups/${id}`);
      expect(streamed.status).toBe(200);
      expect(streamed.body.members.map((member: { value: string }) => member.value)).toEqual(ids);
      expect(streamed.body.members[0].display).toBe(`"${ids[0]}"`);
      const filter = encodeURIComponent(`id eq "${id}"`);
      const whole = await idp.get(`/Groups?filter=${filter}&attributes=schemas,id,displayName,members,meta`);
      expect(streamed.body).toEqual(whole.body.Resources[0]);
      for (const selection of ['attributes=members.value', 'excludedAttributes=meta,members.display']) {
        const { body } = await idp.get(`/Groups/${id}?${selection}`);
        expect(body.members).toHaveLength(count);
        expect(body.members.at(-1)).not.toHaveProperty('display');
      }
      const head = await idp.request('HEAD', `/Groups/${id}`);
      expect([head.status, head.text]).toEqual([200, '']);
      const again = await idp.get(`/Groups/${id}`, { 'If-None-Match': streamed.headers.get('etag') ?? '' });
      expect(again.status).toBe(304);
    },
  );

  it('is sent in a list while it is read, as it is by itself', async () => {
    const groups = [
      await groupOf('none', 0),
      await groupOf('long', MEMBERS_PER_PAGE * 2),
      await groupOf('few', 3),
    ];
    const selection = 'attributes=displayName,members,meta';
    const alone = await Promise.all(
      groups.map(async ({ id }) => (await idp.get(`/Groups/${id}?${selection}`)).body),
    );
    const filter = groups.map(({ id }) => `id eq "${id}"`).join(' or ');
    const query = new URLSearchParams({ filter, sortBy: 'displayName' });
    const attributes = ['displayName', 'members', 'meta'];
    const lists = [
      await idp.get(`/Groups?${query}&${selection}`),
      await idp.post('/.search', { filter, sortBy: 'displayName', attributes }),
    ];
    const [none, long, few] = alone;
    for (const { body, headers } of lists) {
      expect(body).toMatchObject({ totalResults: 3, startIndex: 1, itemsPerPage: 3 });
      expect(body.Resources).toEqual([few, long, none]);
      expect(headers.get('content-length')).toBeNull();
    }
    expect(long.members).toHaveLength(MEMBERS_PER_PAGE * 2);
    const nobody = await idp.get(`/Groups?filter=${encodeURIComponent('id eq "x"')}&${selection}`);
    expect(nobody.body).toMatchObject({ totalResults: 0, Resources: [] });
  });

  it('is answered whole to whoever replaces it, or makes it', async () => {
    const { ids } = await groupOf('source', MEMBERS_PER_PAGE * 2 + 3);
    const members = ids.map((value) => ({ value, type: 'User', display: 'somebody' }));
    const made = await idp.post('/Groups', { displayName: 'made', members });
    expect(made.status).toBe(201);
    const { meta, ...rest } = made.body;
    expect((await idp.get(`/Groups/${made.body.id}`)).body).toEqual({ ...rest, meta });
    const put = await idp.put(`/Groups/${made.body.id}`, { displayName: 'made', members: members.slice(1) });
    expect(put.status).toBe(200);
    expect(put.body.members.map(({ value }: { value: string }) => value)).toEqual(ids.slice(1));
    expect(put.headers.get('etag')).toBe(put.body.meta.version);
    const some = await idp.put(`/Groups/${made.body.id}?attributes=members.value`, {
      displayName: 'made',
      members,
    });
    expect(some.body.members.at(-1)).toEqual({ value: ids.at(-1) });
    expect(some.body.members).toHaveLength(ids.length);
  });

  it('goes on with the next request where a client leaves in the middle', async () => {
    const { id } = await groupOf('left', MEMBERS_PER_PAGE * 2);
    const left = new AbortController();
    const answer = await fetch(`http://127.0.0.1:${endpoint.port}/scim/v2/Groups/${id}`, {
      headers: { Authorization: `Bearer ${idp.token}` },
      signal: left.signal,
    });
    expect(answer.status).toBe(200);
    left.abort();
    await expect(answer.text()).rejects.toThrow();
    expect((await idp.get(`/Groups/${id}`)).body.members).toHaveLength(MEMBERS_PER_PAGE * 2);
  });
});
