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

  /** What has a name, and a request that makes one in an environment. */
  const makers: Record<string, (environmentId: string) => { path: string; more: object }> = {
    'admin tokens': (environmentId) => ({
      path: '/v1/admin-tokens',
      more: { scopes: ['read'], environmentId },
    }),
  };

  describe.each(Object.keys(makers))('%s', (what) => {
    async function make(environmentId: string | undefined, name: string) {
      const maker = makers[what]?.(environmentId ?? '');
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
});
