/** `retentionDays` of a connection: personal data goes, accounts and the trace stay. */

import { type MovableClock, movableClock, patch, person } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;

/** Everything that says who jane is. */
const JANE = /jane/i;

describe.each(PLAYED)('on %s', (dialect) => {
  let world: World;
  let clock: MovableClock;
  beforeEach(async () => {
    clock = movableClock();
    world = await startWorld(dialect, clock);
  });
  afterEach(() => world.stop());

  async function retain(retentionDays: number | null): Promise<void> {
    const list = await world.bridge.admin('GET', '/connections');
    const [connection] = list.body._embedded.connections;
    const { name, strategy } = connection;
    const body = { name, strategy, retentionDays };
    const reply = await world.bridge.admin('PUT', `/connections/${connection.id}`, body);
    expect([reply.status, reply.body.retentionDays]).toEqual([200, retentionDays]);
  }

  /** Every row of these tables, as text. */
  async function rowsOf(...tables: readonly string[]): Promise<string> {
    const rows: unknown[] = [];
    for (const table of tables) rows.push(...(await world.bridge.db(table)));
    return JSON.stringify(rows);
  }

  const purged = async () =>
    (await world.bridge.admin('GET', '/events?kind=user.purged')).body._embedded.events as {
      after: { because: string; whole: boolean; events: number };
    }[];
  const personal = ['users', 'user_emails', 'events', 'sync_statuses', 'losses', 'tasks', 'sync_runs'];

  it('keeps the audit log for EVENT_RETENTION_DAYS, whoever it is about', async () => {
    await world.add('Demo');
    const jane = await world.join('jane');
    const timeline = async () =>
      (await world.bridge.admin('GET', `/users/${jane}/timeline`)).body._embedded.events as unknown[];
    const written = (await timeline()).length;
    expect(written).toBeGreaterThan(1);
    clock.advance(729 * DAY_MS);
    await world.bridge.turn();
    expect(await timeline()).toHaveLength(written);
    clock.advance(2 * DAY_MS);
    await world.bridge.turn();
    expect(await timeline()).toEqual([]);
    expect(await rowsOf('users')).toMatch(JANE);
  });

  it('forgets the deleted after so many days, and their accounts stay as they are', async () => {
    await world.add('Demo');
    const jane = await world.join('jane', { title: 'Engineer', externalId: 'jane-42' });
    const joe = await world.join('joe', { manager: undefined });
    const group = await world.group('engineering', [jane, joe]);
    await retain(10);
    await world.remove(`/Users/${jane}`);
    clock.advance(9 * DAY_MS);
    await world.bridge.turn();
    expect(await rowsOf('users')).toMatch(JANE);
    expect(await purged()).toEqual([]);
    await world.forget();
    clock.advance(2 * DAY_MS);
    await world.bridge.turn();
    expect(await rowsOf(...personal)).not.toMatch(JANE);
    expect(await purged()).toMatchObject([{ after: { because: 'deleted', whole: true } }]);
    const { n } = (await world.bridge.db('users').whereNotNull('purged_at').count({ n: '*' }).first()) ?? {};
    expect(Number(n)).toBe(1);
    expect(await world.writes('Demo')).toEqual([]);
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
    expect((await world.bridge.scim('GET', `/Users/${joe}`)).body.userName).toBe('joe@acme.example');
    expect((await world.bridge.scim('GET', `/Groups/${group}`)).body.displayName).toBe('engineering');
    // Nor does any later sync take it for something to do.
    await world.store('Demo', 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes('Demo')).toEqual([]);
    await world.bridge.turn();
    expect(await purged()).toHaveLength(1);
  });

  it('gives the account to whoever comes with the identifier afterwards', async () => {
    await world.add('Demo');
    const jane = await world.join('jane');
    await retain(0);
    await world.remove(`/Users/${jane}`);
    clock.advance(DAY_MS);
    await world.bridge.turn();
    const account = await world.account('Demo', 'jane');
    const again = await world.join('jane');
    expect(await world.account('Demo', 'jane')).toMatchObject({ id: account?.id, enabled: true });
    expect(await world.status('Demo', again)).toMatchObject({ status: 'synced' });
  });

  it('lets a person whose record is older be re-created as ever', async () => {
    await world.add('Demo');
    const first = await world.join('jane', { externalId: 'ext' });
    await world.remove(`/Users/${first}`);
    const second = await world.join('jane', { externalId: 'ext' });
    await retain(5);
    clock.advance(6 * DAY_MS);
    await world.bridge.turn();
    // The tombstone is purged; the person is not.
    expect(await purged()).toMatchObject([{ after: { whole: false, events: 0 } }]);
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true });
    await world.remove(`/Users/${second}`);
    const third = await world.join('jane', { externalId: 'ext' });
    const rows = await world.bridge.db('users').whereIn('id', [first, second, third]).distinct('person_id');
    expect(rows).toHaveLength(1);
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true });
  });

  it('keeps the deactivated for 30 days at least, and then answers the IdP about them still', async () => {
    await world.add('Demo', { REMOVE_ACTION: 'Delete' });
    const jane = await world.join('jane', { title: 'Engineer' });
    const eng = await world.group('engineering', [jane]);
    await retain(1);
    await world.setActive(jane, false);
    clock.advance(29 * DAY_MS);
    await world.bridge.turn();
    expect((await world.bridge.scim('GET', `/Users/${jane}`)).body.userName).toBe('jane@acme.example');
    clock.advance(2 * DAY_MS);
    await world.forget();
    await world.bridge.turn();
    expect(await purged()).toMatchObject([{ after: { because: 'deactivated' } }]);
    const shown = await world.bridge.scim('GET', `/Users/${jane}`);
    expect(shown.body).toMatchObject({ id: jane, userName: `purged-${jane}`, active: false });
    expect(await rowsOf('users', 'user_emails', 'events', 'sync_statuses')).not.toMatch(JANE);
    await world.store('Demo', 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes('Demo')).toEqual([]);
    expect((await world.bridge.scim('GET', `/Groups/${eng}`)).body.members).toHaveLength(1);

    // Back by PATCH: enabled, and nothing is overwritten with what nobody knows any more.
    await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { active: true } }));
    await world.settled();
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true, title: 'Engineer' });
    await world.bridge.scim('PUT', `/Users/${jane}`, person('jane', { title: 'Manager' }));
    await world.settled();
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: true, title: 'Manager' });
    expect(await world.status('Demo', jane)).toMatchObject({ status: 'synced' });
  });

  it('waits with the deactivated whose account can still be used', async () => {
    await world.add('Demo', { DISABLE_USERS: false });
    const jane = await world.join('jane');
    await retain(0);
    await world.setActive(jane, false);
    clock.advance(60 * DAY_MS);
    await world.bridge.turn();
    expect(await purged()).toEqual([]);
    await world.configure('Demo', {});
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
    clock.advance(DAY_MS);
    await world.bridge.turn();
    expect(await purged()).toHaveLength(1);
  });

  it('goes on with a removal whose time is not up', async () => {
    await world.add('Demo', { REMOVE_ACTION: 'Delete', REMOVE_AFTER_DAYS: 30 });
    const jane = await world.join('jane');
    await retain(0);
    await world.remove(`/Users/${jane}`);
    clock.advance(10 * DAY_MS);
    await world.bridge.turn();
    expect(await purged()).toHaveLength(1);
    expect(await world.account('Demo', 'jane')).toMatchObject({ enabled: false });
    clock.advance(21 * DAY_MS);
    await world.bridge.turn();
    expect(await world.account('Demo', 'jane')).toBeNull();
    // The account gone, its link holds nothing any more.
    clock.advance(DAY_MS);
    await world.bridge.turn();
    expect(await rowsOf('links')).not.toMatch(JANE);
  });

  describe('with the manager in a text at the store', () => {
    const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
    async function led(sourceAttribute: string) {
      await world.add('GitLabSelfManaged');
      const mappings = [{ targetAttribute: 'note', sourceAttribute }];
      expect((await world.store('GitLabSelfManaged', 'PUT', '/mappings', { mappings })).status).toBe(200);
      await world.settled();
      const jane = await world.join('jane');
      const kim = await world.join('kim', { [ENTERPRISE]: { manager: { value: jane } } });
      await retain(10);
      return { jane, kim };
    }

    it('leaves what it knows of the manager when a report is purged', async () => {
      const { jane, kim } = await led('enterprise.manager.primaryEmail');
      await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { title: 'Head' } }));
      await world.settled();
      const personId = (await world.bridge.db('users').where({ id: jane }).first()).person_id;
      const mine = async () =>
        JSON.stringify(await world.bridge.db('events').where({ subject_id: personId }).orderBy('id'));
      const before = await mine();
      expect(before).toContain('jane@acme.example');
      await world.remove(`/Users/${kim}`);
      clock.advance(11 * DAY_MS);
      await world.bridge.turn();
      expect(await purged()).toHaveLength(1);
      expect(await mine()).toBe(before);
    });

    it.each(['displayName', 'primaryEmail'])('forgets the %s of a manager who is purged', async (name) => {
      const { jane, kim } = await led(`enterprise.manager.${name}`);
      await world.remove(`/Users/${jane}`);
      await world.store('GitLabSelfManaged', 'POST', '/sync', {});
      await world.settled();
      clock.advance(11 * DAY_MS);
      await world.bridge.turn();
      expect(await purged()).toHaveLength(1);
      expect(await rowsOf('users', 'user_emails', 'events', 'links')).not.toMatch(JANE);
      await world.forget();
      await world.store('GitLabSelfManaged', 'POST', '/sync', {});
      await world.settled();
      expect(await world.writes('GitLabSelfManaged')).toEqual([]);
      const joe = await world.join('joe');
      const path = `${ENTERPRISE}:manager`;
      await world.bridge.scim('PATCH', `/Users/${kim}`, patch({ op: 'replace', path, value: joe }));
      await world.settled();
      const note = [...world.gitlab.state.users.values()].find(({ email }) => /kim/.test(email))?.profile
        .note;
      expect(note).toMatch(/joe/i);
      expect(await world.status('GitLabSelfManaged', kim)).toMatchObject({ status: 'synced' });
    });
  });

  it.each([-1, 1096, 1.5, '30'])('is refused as %p', async (retentionDays) => {
    const body = { name: 'other', strategy: 'scim', retentionDays };
    expect((await world.bridge.admin('POST', '/connections', body)).status).toBe(400);
  });
});
