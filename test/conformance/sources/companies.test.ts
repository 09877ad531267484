/** The same company at every source, and the same expectations of each: from the first check to the last leaver. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENTERPRISE_URN } from '../../../src/model/source.ts';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { hasSlapd } from '../../emulator/slapd.ts';
import { companyAtActiveDirectory } from './companies/activeDirectory.ts';
import { addressOf, type Company, GROUPS, PEOPLE } from './companies/company.ts';
import { companyAtGoogle } from './companies/google.ts';
import { companyAtOkta } from './companies/okta.ts';
import { companyAtOpenLdap } from './companies/openLdap.ts';
import { Pulled } from './pulled.ts';

const COMPANIES: readonly (readonly [string, () => Promise<Company>])[] = [
  ['Okta', companyAtOkta],
  ['Google', companyAtGoogle],
  ['Active Directory', companyAtActiveDirectory],
  ...(hasSlapd() ? ([['OpenLDAP', companyAtOpenLdap]] as const) : []),
];

if (!hasSlapd()) it.skip('there is no slapd on this machine: apt-get install slapd', () => undefined);

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the tests say what it must be
type Json = any;

describe.each(PLAYED.flatMap((dialect) => COMPANIES.map(([name, open]) => [name, dialect, open] as const)))(
  '%s on %s',
  (_name, dialect, open) => {
    const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-company-'));
    let bridge: RunningBridge;
    let company: Company;
    let pulled: Pulled;
    beforeAll(async () => {
      company = await open();
      bridge = await startBridge(await freshDatabaseUrl(dialect, directory));
    });
    afterAll(async () => {
      await bridge.stop();
      await company.close();
      rmSync(directory, { recursive: true, force: true });
    });

    const people = async () => {
      const everybody = Object.entries(await pulled.people());
      return Object.fromEntries(
        everybody.filter(([userName]) => !company.others.some((other) => addressOf(other) === userName)),
      );
    };
    const resources = async (): Promise<
      Record<string, { id: string; resource: Record<string, unknown> }>
    > => {
      const rows = await bridge.db('users').whereNull('deleted_at').select('id', 'user_name', 'resource');
      const read = (value: unknown) => (typeof value === 'string' ? JSON.parse(value) : value);
      return Object.fromEntries(
        rows.map(({ id, user_name, resource }) => [user_name, { id, resource: read(resource) }]),
      );
    };
    const all = (active = true) =>
      Object.fromEntries(Object.keys(PEOPLE).map((name) => [addressOf(name), active]));

    it('is checked right by right, and shown before anything is read in', async () => {
      pulled = await Pulled.make(bridge, {
        name: 'Company',
        sync: { enabled: false },
        ...company.connection,
      });
      const check = await bridge.admin('POST', `${pulled.path}/check`);
      expect(check.body.status).toBe('OK');
      expect(check.body.details.length).toBeGreaterThan(1);
      const preview = await bridge.admin('POST', `${pulled.path}/activate`);
      const run = await pulled.ended(preview.body.preview);
      const created = Object.keys(PEOPLE).length + company.others.length;
      expect(run).toMatchObject({ state: 'DONE', summary: { created, groups: { created: 2, joined: 8 } } });
      expect(await people()).toEqual({});
      const kept = JSON.stringify(await bridge.db('pulled_connections'));
      expect(kept).not.toMatch(/PRIVATE KEY|a-secret-of-the-reader/);
    });

    it('lists its groups before it is activated, so that some can be chosen', async () => {
      const listed = await bridge.admin('GET', `${pulled.path}/groups`);
      expect(listed).toMatchObject({ status: 200, body: { size: company.groups.length } });
      const found = listed.body._embedded.groups;
      expect(found.map(({ id: _, changedAt: __, ...group }: Json) => group)).toEqual(company.groups);
      const [staff] = (await bridge.admin('GET', `${pulled.path}/groups?q=sTAF`)).body._embedded.groups;
      expect(staff.name).toMatch(/^Staff/);
      const choose = (groups: object) =>
        bridge.admin('PATCH', pulled.path, { groups: { selected: [], ...groups } });
      await choose({ mode: 'Selected', selected: [{ id: staff.id }] });
      expect((await bridge.admin('GET', `${pulled.path}/groups`)).body).toEqual(listed.body);
      const { body } = await bridge.admin('POST', `${pulled.path}/activate`);
      expect(await pulled.ended(body.preview)).toMatchObject({
        summary: { groups: { created: 1, joined: 5 } },
      });
      await choose({ mode: 'All' });
    });

    it('comes with its managers and with groups inside groups', async () => {
      expect(await pulled.activate()).toMatchObject({ state: 'DONE' });
      expect(await pulled.read()).toMatchObject({ status: 'ACTIVE', accountId: company.accountId });
      expect(await people()).toEqual(all());
      expect(await pulled.groups()).toEqual(
        Object.fromEntries(Object.entries(GROUPS).map(([name, members]) => [name, members.map(addressOf)])),
      );
      const shown = await resources();
      for (const [name, manager] of Object.entries(PEOPLE)) {
        const resource = shown[addressOf(name)]?.resource;
        const enterprise = resource?.[ENTERPRISE_URN] as { manager?: { value: string } } | undefined;
        expect(enterprise?.manager?.value).toBe(manager === null ? undefined : shown[addressOf(manager)]?.id);
        expect(resource?.externalId).not.toContain(name);
      }
    });

    it.each([{}, { full: true }])('writes nothing where nothing changed: %j', async (wanted) => {
      const written = async () => [
        await bridge.db('users').sum({ n: 'version' }).first(),
        await bridge.db('groups').sum({ n: 'version' }).first(),
      ];
      const before = await written();
      expect(await pulled.sync(wanted)).toMatchObject({
        state: 'DONE',
        summary: { created: 0, updated: 0, deleted: 0, groups: { updated: 0, joined: 0, left: 0 } },
      });
      expect(await written()).toEqual(before);
    });

    it('shows who joined, moved, and changed groups', async () => {
      await company.hire('fay', { manager: 'ada' });
      await company.retitle('bob', 'Lead');
      await company.setMembers('Engineers', ['bob', 'cyd', 'fay']);
      expect(await pulled.sync()).toMatchObject({
        state: 'DONE',
        summary: { created: 1, updated: 1, deactivated: 0, deleted: 0 },
      });
      const shown = await resources();
      expect(shown[addressOf('bob')]?.resource.title).toBe('Lead');
      expect(shown[addressOf('fay')]?.resource[ENTERPRISE_URN]).toMatchObject({
        manager: { value: shown[addressOf('ada')]?.id },
      });
      expect((await pulled.groups()).Engineers).toEqual(['bob', 'cyd', 'fay'].map(addressOf));
    });

    it('knows who changed the address as the same person', async () => {
      const before = (await resources())[addressOf('cyd')]?.id;
      await company.readdress('cyd', addressOf('cyd.new'));
      expect(await pulled.sync()).toMatchObject({ summary: { created: 0, updated: 1, deleted: 0 } });
      expect((await resources())[addressOf('cyd.new')]?.id).toBe(before);
    });

    it('tells who is suspended, and who is back', async () => {
      await company.suspend('eve');
      expect(await pulled.sync()).toMatchObject({ summary: { deactivated: 1 } });
      expect((await people())[addressOf('eve')]).toBe(false);
      await company.restore('eve');
      expect(await pulled.sync()).toMatchObject({ summary: { reactivated: 1 } });
      expect((await people())[addressOf('eve')]).toBe(true);
    });

    it('lets go who is deleted, and gives their address to whoever has it now', async () => {
      const before = (await resources())[addressOf('dan')]?.id;
      await company.remove('dan');
      await company.hire('dina', { address: addressOf('dan') });
      expect(await pulled.sync({ full: true })).toMatchObject({
        state: 'DONE',
        summary: { created: 1, deleted: 1, unknown: 0, skipped: 0 },
      });
      const after = (await resources())[addressOf('dan')];
      expect(after?.id).toBeDefined();
      expect(after?.id).not.toBe(before);
      expect((await pulled.groups()).Engineers).not.toContain(addressOf('dan'));
    });

    it('believes nothing of another account', async () => {
      const { moveTo } = company;
      if (!moveTo) return;
      const everybody = await people();
      await company.suspend('bob');
      await moveTo('another');
      const refused = await bridge.admin('GET', `${pulled.path}/groups`);
      expect(refused).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('is pinned to') },
      });
      for (const full of [true, false]) {
        const run = await pulled.sync({ full });
        expect(run).toMatchObject({ state: 'FAILED', error: expect.stringContaining(company.accountId) });
      }
      expect(await people()).toEqual(everybody);
      await moveTo(company.accountId);
      expect(await pulled.sync({ full: true })).toMatchObject({ summary: { deactivated: 1 } });
      await company.restore('bob');
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
    });

    it('keeps everybody where the rights are lost, and says once that it cannot be read', async () => {
      const [everybody, groups] = [await people(), await pulled.groups()];
      await company.loseRights();
      const refused = await bridge.admin('GET', `${pulled.path}/groups`);
      expect(refused).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('names each right') },
      });
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'FAILED', error: expect.any(String) });
      expect(await people()).toEqual(everybody);
      expect(await pulled.groups()).toEqual(groups);
      const failures = await bridge.db('events').where({ kind: 'connection.failed' });
      expect(failures).toHaveLength(company.moveTo ? 2 : 1);
      await company.regainRights();
      expect((await bridge.admin('POST', `${pulled.path}/resume`)).status).toBe(200);
      expect(await pulled.sync({ full: true })).toMatchObject({ state: 'DONE' });
      expect(await people()).toEqual(everybody);
    });
  },
);
