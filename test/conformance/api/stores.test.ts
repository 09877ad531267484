/** Creating and listing stores, their secrets and their mistakes. */

import { getStore } from '../../../src/db/stores/stores.ts';
import { resealSecrets } from '../../../src/stores/storeSecrets.ts';
import { generateKey, type Keyring, parseKeyring } from '../../../src/support/secret.ts';
import { eventually } from '../../bridge.ts';
import { onEachDatabase } from '../../database.ts';
import { SLACK_TOKEN } from '../../emulator/slack.ts';
import { PUBLIC_URL } from './bridge.ts';
import { STORES, useStores } from './storeFixture.ts';

/** As PingOne's documentation posts it. */
const PINGONE_BODY = {
  type: 'Slack',
  name: 'Slack target store',
  description: 'Create a Slack connection',
  configuration: {
    UNIQUE_USER_IDENTIFIER: 'primaryEmail',
    CREATE_USERS: true,
    UPDATE_USERS: true,
    DEPROVISION_USERS: true,
    DISABLE_USERS: true,
    OAUTH_ACCESS_TOKEN: 'yourOauthAccessToken',
    REMOVE_ACTION: 'Disable',
    GROUP_MEMBERSHIP_HANDLING: 'Overwrite',
  },
};

onEachDatabase((open, dialect) => {
  const stores = useStores(open);
  const { ask, slackConfiguration, slackBody, made, runs, bridge } = stores;

  describe('creating', () => {
    it("takes PingOne's body as it stands, and answers as PingOne does, with the secret masked", async () => {
      const answer = await ask('POST', STORES, PINGONE_BODY);
      expect(answer.status).toBe(201);
      const self = { href: `${PUBLIC_URL}${STORES}/${answer.body.id}` };
      expect(answer.body).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        environment: { id: 'default' },
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        updatedAt: answer.body.createdAt,
        image: {},
        description: 'Create a Slack connection',
        type: 'Slack',
        status: 'INACTIVE',
        configuration: { ...PINGONE_BODY.configuration, OAUTH_ACCESS_TOKEN: '********' },
        name: 'Slack target store',
        managed: false,
        _links: { self, update: self, delete: self, syncStatus: { href: `${self.href}/syncStatus` } },
      });
      expect(answer.headers.get('location')).toBe(self.href);
      const { id } = answer.body;
      expect((await ask('GET', `${STORES}/${id}`)).body).toEqual(answer.body);
      expect((await ask('GET', STORES)).body).toMatchObject({
        _embedded: { stores: [answer.body] },
        count: 1,
        size: 1,
      });
      expect(await runs()).toEqual([]);
    });

    it('names every mistake once, around and inside of the configuration', async () => {
      const answer = await ask('POST', STORES, {
        type: 'Slack',
        name: '',
        colour: 'red',
        status: 'ASLEEP',
        image: { href: 'no url' },
        configuration: {
          UNIQUE_USER_IDENTIFIER: 'phone',
          CREATE_USERS: 'yes',
          BRAKE_PERCENT: 101,
          REMOVE_ACTION: 'Delete',
          DRIFT_MODE: 'Sometimes',
          REMOVE_AFTER_DAYS: 30,
          BRAKE_MIN: -1,
          NO_SUCH_KEY: 1,
        },
      });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toMatch('application/problem+json');
      const details = new Map<string, string>(
        answer.body.errors.map((e: { pointer: string; detail: string }) => [e.pointer, e.detail]),
      );
      expect(answer.body.errors).toHaveLength(details.size);
      expect(Object.fromEntries(details)).toEqual({
        '/name': 'name must not be empty',
        '/colour': expect.stringContaining('unknown key colour; allowed are type, name'),
        '/status': 'status must be one of ACTIVE, INACTIVE',
        '/image/href': expect.stringContaining('http(s) URL'),
        '/configuration/UNIQUE_USER_IDENTIFIER':
          'UNIQUE_USER_IDENTIFIER must be one of primaryEmail, userName',
        '/configuration/CREATE_USERS': 'CREATE_USERS must be true or false',
        '/configuration/BRAKE_PERCENT': 'BRAKE_PERCENT must be a whole number from 0 to 100',
        '/configuration/REMOVE_ACTION': expect.stringContaining('Slack can deactivate people but not delete'),
        '/configuration/REMOVE_AFTER_DAYS': expect.stringContaining('must be 0'),
        '/configuration/DRIFT_MODE': 'DRIFT_MODE must be one of Off, Report, Repair',
        '/configuration/BRAKE_MIN': expect.stringContaining('whole number'),
        '/configuration/NO_SUCH_KEY': expect.stringContaining('unknown key NO_SUCH_KEY; allowed are'),
        '/configuration/OAUTH_ACCESS_TOKEN': 'OAUTH_ACCESS_TOKEN is required',
      });
      expect((await ask('GET', STORES)).body.count).toBe(0);
    });

    it.each([
      ['GitLabSaaS', 'Stores of type GitLabSaaS come with a later release.'],
      ['Jira', 'type must be one of Demo, Slack, GitLabSelfManaged'],
    ])('refuses the type %s', async (type, sentence) => {
      const answer = await ask('POST', STORES, { type, name: 'x', configuration: {} });
      expect(answer).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/type', detail: sentence }] },
      });
    });

    it('refuses the mask as a secret, and an id of the caller', async () => {
      const masked = slackBody({}, { OAUTH_ACCESS_TOKEN: '********' });
      expect(await ask('POST', STORES, masked)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/configuration/OAUTH_ACCESS_TOKEN' }] },
      });
      expect(await ask('POST', STORES, { ...slackBody(), id: 'mine' })).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/id' }] },
      });
    });

    it('reads deprecated keys as their successors', async () => {
      const body = slackBody({}, { CREATE_USERS_PROV_OPT: false });
      expect((await ask('POST', STORES, body)).body.configuration).toMatchObject({ CREATE_USERS: false });
    });

    it('keeps secrets out of the database, the events and the log', async () => {
      const { path } = await made(slackBody({ status: 'ACTIVE' }));
      await ask('PUT', path, slackBody({ name: 'Renamed' }, { OAUTH_ACCESS_TOKEN: '********' }));
      const everything = JSON.stringify([
        await bridge().db('stores'),
        await bridge().db('events'),
        await bridge().db('sync_runs'),
        (await ask('GET', `/v1/environments/default/events`)).body,
        bridge().log(),
      ]);
      expect(everything).not.toContain(SLACK_TOKEN);
    });
  });

  describe('around it', () => {
    it('says for each type what can be configured', async () => {
      const path = '/v1/environments/default/propagation/storeMetadata';
      const { body } = await ask('GET', `${path}/Slack`);
      expect(body.configuration).toContainEqual(
        expect.objectContaining({ key: 'OAUTH_ACCESS_TOKEN', type: 'string', required: true, secret: true }),
      );
      expect(body.configuration).toContainEqual(
        expect.objectContaining({ key: 'BRAKE_PERCENT', default: 5, min: 0, max: 100 }),
      );
      expect(body.defaultMapping.length).toBeGreaterThan(0);
      expect(body.capabilities.deleteUsers).toBe(false);
      expect(
        (await ask('GET', path)).body._embedded.storeMetadata.map((m: { type: string }) => m.type),
      ).toEqual(['Demo', 'Slack', 'GitLabSelfManaged']);
      expect((await ask('GET', `${path}/GitLabSaaS`)).body.detail).toMatch(/come with a later release/);
      expect((await ask('GET', `${path}/Nothing`)).status).toBe(404);
    });

    it('checks credentials before they are saved, and changes nothing', async () => {
      const check = (body: unknown) => ask('POST', `${STORES}/connection/status`, body);
      expect(await check({ type: 'Slack', configuration: slackConfiguration() })).toMatchObject({
        status: 200,
        body: {
          status: 'OK',
          details: [{ code: 'tenant', message: expect.stringContaining('Acme (T0001)') }],
        },
      });
      const bad = slackConfiguration({ OAUTH_ACCESS_TOKEN: 'xoxp-wrong' });
      expect(await check({ type: 'Slack', configuration: bad })).toMatchObject({
        status: 200,
        body: { status: 'FAILED', details: [{ code: 'invalid_auth' }] },
      });
      const away = slackConfiguration({
        API_BASE_URL: 'http://127.0.0.1:1/',
        SCIM_BASE_URL: 'http://127.0.0.1:1/',
      });
      expect(await check({ type: 'Slack', configuration: away })).toMatchObject({
        status: 200,
        body: { status: 'FAILED', details: [{ code: 'unreachable' }] },
      });
      const masked = slackConfiguration({ OAUTH_ACCESS_TOKEN: '********' });
      expect((await check({ type: 'Slack', configuration: masked })).status).toBe(400);
      expect((await check({})).status).toBe(400);
      expect((await check({ id: 'nobody' })).status).toBe(404);
      expect((await ask('GET', STORES)).body.count).toBe(0);
    });

    it("does not know another environment's store", async () => {
      const { id } = await made(slackBody());
      const other = await ask('POST', '/v1/environments', { name: 'Other' });
      const there = `/v1/environments/${other.body.id}/propagation/stores`;
      for (const [method, path, body] of [
        ['GET', `${there}/${id}`],
        ['PUT', `${there}/${id}`, slackBody()],
        ['DELETE', `${there}/${id}`],
        ['POST', `${there}/${id}/pause`],
        ['POST', `${there}/${id}/resume`],
        ['GET', `${there}/${id}/syncStatus`],
        ['GET', `${there}/${id}/held`],
        ['POST', `${there}/${id}/held/approve`, { all: true }],
        ['GET', `${there}/${id}/links`],
        ['GET', `${there}/${id}/accounts`],
        ['POST', `${there}/${id}/sync`],
        ['POST', `${there}/${id}/preview`],
        ['POST', `${there}/connection/status`, { id }],
      ] as const) {
        expect([method, path, (await ask(method, path, body)).status]).toEqual([method, path, 404]);
      }
    });

    /** A new first key, and behind it the one that was used until now. */
    function withNewKey(old: Keyring): Keyring {
      const fresh = parseKeyring(generateKey());
      return {
        ...fresh,
        open: (sealed, place) => (sealed.keyId === old.sealingKeyId ? old : fresh).open(sealed, place),
      };
    }

    it('seals stored secrets with a new key, so that the old one can go', async () => {
      const { id } = await made(slackBody({ status: 'ACTIVE' }));
      const { db, keyring, registry, sources } = bridge().propagation;
      const both = withNewKey(keyring);
      expect(await resealSecrets(db, both, registry, sources)).toBe(1);
      expect(await resealSecrets(db, both, registry, sources)).toBe(0);
      const store = await getStore(db, id);
      expect(store?.secrets.OAUTH_ACCESS_TOKEN?.keyId).toBe(both.sealingKeyId);
    });

    if (dialect === 'postgres') {
      it('seals them while another replica writes tasks for several stores', async () => {
        const ids = [(await made(slackBody())).id, (await made(slackBody({ name: 'another' }))).id].sort();
        const { db, keyring, registry, sources } = bridge().propagation;
        const writing = await db.transaction();
        const uses = (id: string | undefined) => writing('stores').where({ id }).forKeyShare().first('id');
        await uses(ids[1]);
        const resealing = resealSecrets(db, withNewKey(keyring), registry, sources);
        await eventually(() => db('pg_locks').where({ granted: false }).first('pid'), 5_000);
        await uses(ids[0]);
        await writing.commit();
        expect(await resealing).toBe(2);
      });
    }
  });
});
