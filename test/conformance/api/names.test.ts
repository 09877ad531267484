/** Names are unique in their environment, without regard to case and to blanks around them. */

import { onEachDatabase } from '../../database.ts';
import { startTestBridge, type TestBridge } from './bridge.ts';

onEachDatabase((open) => {
  let bridge: TestBridge;
  let environments: readonly string[];

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
    const made = await Promise.all(
      ['one', 'two'].map((name) => bridge.ask('POST', '/v1/environments', { body: { name } })),
    );
    environments = made.map(({ body }) => body.id);
  });

  afterAll(() => bridge.stop());

  const below = (environmentId: string) => `/v1/environments/${environmentId}`;

  /** What has a name, and a request that makes one in an environment. */
  const makers: Record<string, (environmentId: string) => Promise<{ path: string; more: object }>> = {
    'admin tokens': async (environmentId) => ({
      path: '/v1/admin-tokens',
      more: { scopes: ['read'], environmentId },
    }),
    connections: async (environmentId) => ({
      path: `${below(environmentId)}/connections`,
      more: { strategy: 'scim' },
    }),
    stores: async (environmentId) => ({
      path: `${below(environmentId)}/propagation/stores`,
      more: { type: 'Demo', configuration: {} },
    }),
    'SCIM tokens, whatever their connection': async (environmentId) => {
      made += 1;
      const connections = `${below(environmentId)}/connections`;
      const body = { name: `of tokens ${made}`, strategy: 'scim' };
      const { id } = (await bridge.ask('POST', connections, { body })).body;
      return { path: `${connections}/${id}/scim-configuration/tokens`, more: {} };
    },
  };
  let made = 0;

  describe.each(Object.keys(makers))('%s', (what) => {
    async function make(environmentId: string | undefined, name: string) {
      const maker = await makers[what]?.(environmentId ?? '');
      return bridge.ask('POST', maker?.path ?? '', { body: { ...maker?.more, name } });
    }

    it('are made with a name that is free there, and with no other', async () => {
      const [here, there] = environments;
      expect((await make(here, '  Straße  ')).body.name).toBe('Straße');
      const refused = await make(here, 'STRAßE ');
      expect([refused.status, refused.body.errors[0].pointer]).toEqual([409, '/name']);
      expect((await make(there, 'straße')).status).toBe(201);
    });

    it('cannot win a name together', async () => {
      const answers = await Promise.all(
        ['race', 'RACE', 'Race', ' race'].map((name) => make(environments[0], name)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    });
  });

  /** What can be renamed, and a request that makes one. */
  const renamed: Record<string, (environmentId: string) => { path: string; more: object; table: string }> = {
    connections: (environmentId) => ({
      path: `${below(environmentId)}/connections`,
      more: { strategy: 'scim' },
      table: 'connections',
    }),
    stores: (environmentId) => ({
      path: `${below(environmentId)}/propagation/stores`,
      more: { type: 'Demo', configuration: {} },
      table: 'stores',
    }),
  };

  it.each(Object.keys(renamed))(
    '%s that share one from before keep it until they are renamed',
    async (what) => {
      const { path, more, table } = renamed[what]?.(environments[0] ?? '') ?? {
        path: '',
        more: {},
        table: '',
      };
      const ids: string[] = [];
      for (const name of ['twin', 'other']) {
        ids.push((await bridge.ask('POST', path, { body: { ...more, name: `${what} ${name}` } })).body.id);
      }
      const [first, second] = ids;
      await bridge
        .db(table)
        .where({ id: second })
        .update({ name: `${what} TWIN` });
      const shown = (await bridge.ask('GET', `${path}/${second}`)).body;
      expect((await bridge.ask('PUT', `${path}/${second}`, { body: shown })).status).toBe(200);
      const again = await bridge.ask('PATCH', `${path}/${first}`, { body: { name: `${what} Twin` } });
      expect([again.status, again.body.errors[0].pointer]).toEqual([409, '/name']);
      expect((await bridge.ask('PATCH', `${path}/${second}`, { body: { name: 'free' } })).status).toBe(200);
      expect((await bridge.ask('PATCH', `${path}/${first}`, { body: { name: `${what} TWIN` } })).status).toBe(
        200,
      );
    },
  );
});
