/** Lists, searches and projections (RFC 7644 §3.4.2, §3.4.3, §3.9). */

import { onEachDatabase } from '../../database.ts';
import {
  BASE,
  type Client,
  ENTERPRISE,
  type EndpointUnderTest,
  expectScimError,
  someone,
  startEndpoint,
  USER,
} from './endpoint.ts';

const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

onEachDatabase((open) => {
  let endpoint: EndpointUnderTest;
  let idp: Client;

  beforeAll(async () => {
    endpoint = await startEndpoint(await open());
  });
  beforeEach(async () => {
    idp = await endpoint.connect();
  });
  afterAll(() => endpoint.close());

  const names = (reply: { body: { Resources: { userName: string }[] } }) =>
    reply.body.Resources.map((user) => user.userName);

  describe('§3.4.2.4 pagination', () => {
    it.each([
      ['count=0', { startIndex: 1, itemsPerPage: 0 }],
      ['count=-3', { startIndex: 1, itemsPerPage: 0 }],
      ['startIndex=0', { startIndex: 1, itemsPerPage: 3 }],
      ['startIndex=-5&count=2', { startIndex: 1, itemsPerPage: 2 }],
      ['startIndex=3&count=9', { startIndex: 3, itemsPerPage: 1 }],
      ['startIndex=4', { startIndex: 4, itemsPerPage: 0 }],
      ['startIndex=999999999999999999999', { itemsPerPage: 0 }],
      ['count=999999999999999999999', { startIndex: 1, itemsPerPage: 3 }],
    ])('%s', async (query, expected) => {
      await idp.newUsers(3);
      const { status, body } = await idp.get(`/Users?${query}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ totalResults: 3, ...expected });
      expect(body.Resources).toHaveLength(body.itemsPerPage);
    });

    it('refuses what is no number', async () => {
      expectScimError(await idp.get('/Users?startIndex=first'), 400, 'invalidValue');
      expectScimError(await idp.get('/Users?count=1.5'), 400, 'invalidValue');
    });
  });

  describe('RFC 9865: by cursor', () => {
    const PATHS = ['/Users', '/Users?sortBy=userName&sortOrder=descending', '/.search'];

    const page = (path: string, more: Record<string, unknown>) =>
      path === '/.search'
        ? idp.post(path, more)
        : idp.get(`${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(more as never)}`);

    it.each(PATHS)('%s: page after page, until there is no cursor', async (path) => {
      await idp.newUsers(5);
      const seen: string[] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const { status, body } = await page(path, { cursor, count: '2' });
        expect(status).toBe(200);
        expect(body).toMatchObject({ totalResults: 5, itemsPerPage: body.Resources.length });
        expect(body).not.toHaveProperty('startIndex');
        seen.push(...names({ body }));
        cursor = body.nextCursor;
        expect(cursor === undefined).toBe(seen.length === 5);
      }
      expect(seen.toSorted()).toEqual(['user1', 'user2', 'user3', 'user4', 'user5']);
      const whole = await page(path, { cursor: '', count: '5' });
      expect(whole.body).not.toHaveProperty('nextCursor');
      expect(names(whole)).toEqual(seen);
    });

    it('neither misses nor repeats anybody where others go or come meanwhile', async () => {
      const [first = ''] = await idp.newUsers(4);
      const { body } = await idp.get('/Users?cursor&count=2');
      await idp.delete(`/Users/${first}`);
      await idp.post('/Users', someone('late'));
      const rest = await idp.get(`/Users?cursor=${body.nextCursor}&count=9`);
      expect([...names({ body }), ...names(rest)]).toEqual(['user1', 'user2', 'user3', 'user4', 'late']);
    });

    it('refuses a cursor of another list, and what is none', async () => {
      await idp.newUsers(3);
      const { nextCursor } = (await idp.get('/Users?cursor=&count=1')).body;
      const other = await endpoint.connect();
      await other.newUsers(3);
      for (const refused of [
        await idp.get(`/Users?cursor=${nextCursor}&filter=${encodeURIComponent('active eq true')}`),
        await idp.get(`/Groups?cursor=${nextCursor}`),
        await other.get(`/Users?cursor=${nextCursor}`),
        await idp.get('/Users?cursor=made-up'),
        await idp.get(`/Users?cursor=${'x'.repeat(2000)}`),
        await idp.post('/Users/.search', { cursor: 7 }),
      ]) {
        expectScimError(refused, 400, 'invalidCursor');
      }
      expectScimError(await idp.get(`/Users?cursor=${nextCursor}&startIndex=1`), 400, 'invalidValue');
    });
  });

  it('§3.4.2.3 sorts up and down, and in the database', async () => {
    for (const name of ['Bea', 'ann', 'Cid']) await idp.post('/Users', someone(name));
    expect(names(await idp.get('/Users?sortBy=userName'))).toEqual(['ann', 'Bea', 'Cid']);
    const down = await idp.get('/Users?sortBy=userName&sortOrder=descending&count=2');
    expect(names(down)).toEqual(['Cid', 'Bea']);
    expectScimError(await idp.get('/Users?sortBy=userName&sortOrder=sideways'), 400, 'invalidValue');
    expectScimError(await idp.get('/Users?sortBy=name'), 400, 'invalidPath');
  });

  it('§3.4.2.2 filters, and refuses what is no filter', async () => {
    await idp.post('/Users', someone('ann', { emails: [{ value: 'Ann@Example.com', type: 'work' }] }));
    await idp.post('/Users', someone('bea', { externalId: '00123' }));
    const found = async (filter: string) =>
      names(await idp.get(`/Users?filter=${encodeURIComponent(filter)}`)).sort();
    expect(await found('emails[type eq "work"].value eq "ann@example.com"')).toEqual(['ann']);
    expect(await found('emails eq "ann@example.com"')).toEqual(['ann']);
    expect(await found('externalId eq 00123')).toEqual(['bea']);
    expect(await found('not (userName sw "a") and (active eq true or title pr)')).toEqual(['bea']);
    expect(await found(`${USER}:userName eq "ann"`)).toEqual(['ann']);
    expect(await found('not (userName eq "ann" and active eq true)')).toEqual(['bea']);
    expect(await found(`${ENTERPRISE}:manager.value pr or name.givenName eq "barbara"`)).toEqual([
      'ann',
      'bea',
    ]);
    expect(await found('userName co "%" or userName co "_"')).toEqual([]);
    expect(await found('userName eq "no) [such\\" one"')).toEqual([]);
    for (const wrong of [
      'userName',
      'userName eq',
      'userName like "a"',
      '(userName pr',
      'userName eq "\0"',
    ]) {
      expectScimError(await idp.get(`/Users?filter=${encodeURIComponent(wrong)}`), 400, 'invalidFilter');
    }
  });

  it('§3.4.2 takes the names of parameters in any case: a filter that is not seen would answer everybody', async () => {
    await idp.newUsers(3);
    const query = `FILTER=${encodeURIComponent('userName sw "user"')}&StartIndex=2&COUNT=1&sortby=userName&sortorder=Descending`;
    const got = await idp.get(`/Users?${query}&Attributes=userName&attributes=displayName`);
    expect(names(got)).toEqual(['user2']);
    expect(Object.keys(got.body.Resources[0]).sort()).toEqual(['id', 'schemas', 'userName']);
    const posted = await idp.post('/Users/.search', { Filter: 'userName eq "user3"', COUNT: 1 });
    expect(names(posted)).toEqual(['user3']);
    expectScimError(await idp.get('/Schemas?Filter=x'), 403);
  });

  it('§3.4.2 finds groups by a member, and users by a group', async () => {
    const [id = ''] = await idp.newUsers(2);
    const { body: group } = await idp.post('/Groups', { displayName: 'G', members: [{ value: id }] });
    await idp.post('/Groups', { displayName: 'H' });
    const groups = await idp.get(`/Groups?filter=${encodeURIComponent(`members.value eq "${id}"`)}`);
    expect(groups.body).toMatchObject({ totalResults: 1, Resources: [{ id: group.id }] });
    const users = await idp.get(`/Users?filter=${encodeURIComponent(`groups.value eq "${group.id}"`)}`);
    expect(users.body).toMatchObject({ totalResults: 1, Resources: [{ id }] });
  });

  it('§3.4.2 shows nothing of other connections, of the same environment neither', async () => {
    const [id = ''] = await idp.newUsers(1);
    const other = await endpoint.connect();
    expect((await other.get('/Users')).body.totalResults).toBe(0);
    expectScimError(await other.get(`/Users/${id}`), 404);
    expectScimError(await other.put(`/Users/${id}`, someone('x')), 404);
    expectScimError(await other.delete(`/Users/${id}`), 404);
    expect((await other.post('/Users', someone('user1'))).status).toBe(201);
    expectScimError(
      await other.post('/Groups', { displayName: 'G', members: [{ value: id }] }),
      400,
      'invalidValue',
    );
  });

  describe('§3.9 §3.10 attributes and excludedAttributes', () => {
    const extended = () =>
      someone('ann', {
        title: 'Engineer',
        [ENTERPRISE]: { department: 'R&D', manager: { value: '26118915' } },
      });

    it.each([
      ['attributes=userName', ['id', 'schemas', 'userName']],
      ['attributes=USERNAME,Name.GivenName', ['id', 'name', 'schemas', 'userName']],
      [`attributes=${USER}:title`, ['id', 'schemas', 'title']],
      [`attributes=${ENTERPRISE}:manager.value`, [ENTERPRISE, 'id', 'schemas']],
      ['attributes=nothingLikeIt', ['id', 'schemas']],
      ['attributes=meta.version,id', ['id', 'meta', 'schemas']],
    ])('%s', async (query, keys) => {
      const { body } = await idp.post('/Users', extended());
      const one = await idp.get(`/Users/${body.id}?${query}`);
      expect(Object.keys(one.body).sort()).toEqual([...keys].sort());
      const list = await idp.get(`/Users?${query}`);
      expect(list.body.Resources).toEqual([one.body]);
    });

    it('cuts within complex values', async () => {
      const { body } = await idp.post('/Users?attributes=emails.value', extended());
      expect(body).toEqual({
        schemas: [USER, ENTERPRISE],
        id: body.id,
        emails: [{ value: 'ann@example.com' }],
      });
      const less = await idp.get(
        `/Users/${body.id}?excludedAttributes=emails.type,name,${ENTERPRISE}:manager,id,schemas,userName.x`,
      );
      expect(less.body).toMatchObject({
        schemas: [USER, ENTERPRISE],
        id: body.id,
        userName: 'ann',
        emails: [{ value: 'ann@example.com', primary: true }],
        [ENTERPRISE]: { department: 'R&D' },
      });
      expect(less.body).not.toHaveProperty('name');
    });

    it('takes an empty list for none', async () => {
      const { body } = await idp.post('/Users', extended());
      expect((await idp.get(`/Users/${body.id}?attributes=`)).body).toEqual(body);
    });

    it('never writes a selection back: PUT and PATCH keep what they do not show', async () => {
      const { body } = await idp.post('/Users', extended());
      await idp.patch(`/Users/${body.id}?attributes=userName`, [{ op: 'replace', value: { nickName: 'A' } }]);
      await idp.patch(`/Users/${body.id}?excludedAttributes=emails`, [
        { op: 'replace', value: { locale: 'en' } },
      ]);
      const { body: now } = await idp.get(`/Users/${body.id}`);
      expect(now).toMatchObject({ ...body, nickName: 'A', locale: 'en', meta: expect.anything() });
    });

    it('shows members in a list only where they are asked for', async () => {
      const [id = ''] = await idp.newUsers(1);
      await idp.post('/Groups', { displayName: 'G', members: [{ value: id }] });
      const list = async (query: string) => (await idp.get(`/Groups?${query}`)).body.Resources[0];
      expect(await list('')).not.toHaveProperty('members');
      expect(await list('excludedAttributes=members')).not.toHaveProperty('members');
      expect((await list('attributes=members.value')).members).toEqual([{ value: id }]);
    });
  });

  describe('§3.4.3 .search', () => {
    it('answers as GET does', async () => {
      await idp.newUsers(3);
      const query = {
        filter: 'userName sw "user"',
        startIndex: 2,
        count: 1,
        sortBy: 'userName',
        attributes: ['userName'],
      };
      const posted = await idp.post('/Users/.search', { schemas: [SEARCH], ...query });
      expect(posted.status).toBe(200);
      const parameters = new URLSearchParams({
        ...query,
        startIndex: '2',
        count: '1',
        attributes: 'userName',
      });
      expect(posted.body).toEqual((await idp.get(`/Users?${parameters}`)).body);
      expect(names(posted)).toEqual(['user2']);
      expect((await idp.post('/Users/.search', { count: 0 })).body).toMatchObject({
        totalResults: 3,
        Resources: [],
      });
    });

    it('counts all resource types at the root, in the order of their creation', async () => {
      const ids = await idp.newUsers(2);
      const { body: group } = await idp.post('/Groups', { displayName: 'G' });
      const all = await idp.post('/.search', { attributes: 'id' });
      expect(all.body).toMatchObject({ totalResults: 3, itemsPerPage: 3 });
      const page = await idp.post('/.search', { startIndex: 2, count: 5 });
      expect(page.body).toMatchObject({ totalResults: 3, startIndex: 2, itemsPerPage: 2 });
      expect(page.body.Resources.map((found: { id: string }) => found.id)).toEqual([ids[1], group.id]);
      const groups = await idp.post('/.search', { filter: 'meta.resourceType eq "Group"' });
      expect(groups.body.Resources).toMatchObject([
        { id: group.id, meta: { location: `${BASE}/Groups/${group.id}` } },
      ]);
    });

    describe('puts all resource types into one order (§3.4.2.3)', () => {
      const posted: string[] = [];
      let all: Client;

      beforeAll(async () => {
        all = await endpoint.connect();
        const post = async (path: string, resource: object) =>
          posted.push((await all.post(path, resource)).body.id);
        await post('/Users', { userName: 'u0', displayName: 'delta', externalId: 'b', active: false });
        await post('/Groups', { displayName: 'Charlie', externalId: 'é' });
        await post('/Users', { userName: 'u1', displayName: 'Älpha', externalId: 'a' });
        await post('/Groups', { displayName: '_alpha' });
        await post('/Users', { userName: 'u2', title: 'Boss', externalId: 'B' });
        await post('/Groups', { displayName: 'bravo', externalId: 'a' });
      });

      const order = (reply: { body: { Resources: { id: string }[] } }) =>
        reply.body.Resources.map(({ id }) => posted.indexOf(id)).join('');

      it.each([
        [{}, '012345'],
        [{ sortBy: 'displayName' }, '351024'],
        [{ sortBy: 'displayName', sortOrder: 'Descending' }, '420153'],
        [{ sortBy: 'externalId' }, '425013'],
        [{ sortBy: 'userName' }, '024135'],
        [{ sortBy: 'active' }, '024135'],
        [{ sortBy: 'title', sortOrder: 'descending' }, '012354'],
        [{ sortBy: 'meta.created', sortOrder: 'descending' }, '543210'],
        [{ sortBy: 'meta.resourceType' }, '135024'],
        [{ sortBy: 'nothingLikeIt' }, '012345'],
        [{ sortBy: 'displayName', filter: 'displayName co "a"' }, '35102'],
        [{ sortBy: 'displayName', filter: 'meta.resourceType eq "Group"' }, '351'],
      ])('%j', async (query, expected) => {
        const whole = await all.post('/.search', query);
        expect(whole.body).toMatchObject({ totalResults: expected.length, itemsPerPage: expected.length });
        expect(order(whole)).toBe(expected);
        let paged = '';
        for (let startIndex = 1; startIndex <= expected.length; startIndex += 2) {
          const page = await all.post('/.search', { ...query, startIndex, count: 2 });
          expect(page.body).toMatchObject({ totalResults: expected.length, startIndex });
          paged += order(page);
        }
        expect(paged).toBe(expected);
      });

      it('shows each as its type does', async () => {
        const query = { sortBy: 'id', attributes: 'displayName,meta.resourceType', count: 3, startIndex: 2 };
        const { body } = await all.post('/.search', query);
        const ids = [...posted].sort().slice(1, 4);
        expect(body.Resources.map((found: { id: string }) => found.id)).toEqual(ids);
        for (const found of body.Resources) {
          const path = found.meta.resourceType === 'User' ? '/Users' : '/Groups';
          const { body: alone } = await all.get(`${path}/${found.id}?attributes=${query.attributes}`);
          expect(found).toEqual(alone);
        }
        expect((await all.post('/.search', { count: 0 })).body).toMatchObject({
          totalResults: 6,
          Resources: [],
        });
        expect((await all.post('/.search', { startIndex: 9 })).body.totalResults).toBe(6);
        expectScimError(await all.post('/.search', { sortBy: 'name' }), 400, 'invalidPath');
        expectScimError(await all.post('/.search', { sortBy: 'members' }), 400, 'invalidPath');
      });
    });

    it('is POST only', async () => {
      const reply = await idp.get('/Users/.search');
      expectScimError(reply, 405);
      expect(reply.headers.get('allow')).toBe('POST');
    });
  });
});
