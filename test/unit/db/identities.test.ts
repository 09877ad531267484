/** Accounts that say more about people: what is kept of them, and which one speaks, on both databases. */

import type { Knex } from 'knex';
import { mergePerson } from '../../../src/db/people/merge.ts';
import { enrichmentOf, identitiesOfPerson } from '../../../src/db/pull/enrichment.ts';
import {
  compareIdentities,
  forgetIdentities,
  identitiesAmong,
  identitiesNotStaged,
  settleSpeakers,
  unmatchedPage,
  writeIdentities,
} from '../../../src/db/pull/identities.ts';
import { stage } from '../../../src/db/pull/staging.ts';
import type { Identity } from '../../../src/model/pull/identity.ts';
import { onEachDatabase } from '../../database.ts';

const time = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
const OWNER = { connectionId: 'c', environmentId: 'e' };

function identity(vendorId: string, personId: string | null, more: Partial<Identity> = {}): Identity {
  const doubt = personId === null ? { why: 'nobody' as const, near: ['ben'] } : null;
  return {
    ...{ vendorId, personId, doubt, state: 'active', name: vendorId, email: null },
    attributes: { title: `title of ${vendorId}` },
    matchedBy: personId === null ? null : 'email',
    ...more,
  };
}

onEachDatabase((open) => {
  async function opened(): Promise<Knex> {
    const db = await open();
    const times = { created_at: time(0), updated_at: time(0) };
    await db('environments').insert({ id: 'e', name: 'e', ...times });
    await db('connections').insert({
      ...{ id: 'c', environment_id: 'e', name: 'Workspace', handle: 'slack', strategy: 'slack' },
      ...{
        is_primary: false,
        unknown_attributes: 'Keep',
        user_id_attribute: 'userName',
        metadata: '{}',
        ...times,
      },
    });
    for (const id of ['ada', 'ben'])
      await db('persons').insert({ id, environment_id: 'e', created_at: time(0) });
    return db;
  }

  async function save(db: Knex, identities: readonly Identity[], at: string) {
    const compared = await compareIdentities(db, 'c', identities);
    await writeIdentities(
      db,
      OWNER,
      compared.changed.map((one) => one.identity),
      at,
    );
    await settleSpeakers(db, 'c', compared.personIds);
    const created = compared.changed.filter(({ before }) => before === null).length;
    return { ...compared, created, updated: compared.changed.length - created };
  }

  const titleOf = async (db: Knex, personId: string) =>
    (await enrichmentOf(db, [personId], ['slack'])).get(personId)?.get('slack')?.title ?? null;

  it('writes what differs alone, and says for whom', async () => {
    const db = await opened();
    const first = await save(db, [identity('1', 'ada'), identity('2', null)], time(1));
    expect(first).toMatchObject({ created: 2, updated: 0, unchanged: 0 });
    expect([...first.personIds]).toEqual(['ada']);
    const second = await save(db, [identity('1', 'ada'), identity('2', 'ben')], time(2));
    expect(second).toMatchObject({ created: 0, updated: 1, unchanged: 1 });
    expect([...second.personIds]).toEqual(['ben']);
    const kept = await identitiesAmong(db, 'c', ['1', '2']);
    expect(kept.get('2')).toMatchObject({ personId: 'ben', doubt: null, since: time(1), isSpeaking: true });
  });

  it('lets the active account of a person speak, else the latest', async () => {
    const db = await opened();
    await save(db, [identity('old', 'ada')], time(1));
    await save(db, [identity('new', 'ada')], time(2));
    expect(await titleOf(db, 'ada')).toBe('title of new');
    await save(db, [identity('new', 'ada', { state: 'inactive' })], time(3));
    expect(await titleOf(db, 'ada')).toBe('title of old');
    await forgetIdentities(db, 'c', ['old']);
    await settleSpeakers(db, 'c', ['ada']);
    expect(await titleOf(db, 'ada')).toBe('title of new');
  });

  it('lets an account speak for nobody once it is nobody’s, and for the other one when it moves', async () => {
    const db = await opened();
    await save(db, [identity('1', 'ada')], time(1));
    const moved = await save(db, [identity('1', 'ben')], time(2));
    expect([...moved.personIds].sort()).toEqual(['ada', 'ben']);
    expect([await titleOf(db, 'ada'), await titleOf(db, 'ben')]).toEqual([null, 'title of 1']);
    await save(db, [identity('1', null)], time(3));
    expect(await titleOf(db, 'ben')).toBeNull();
    const rows = await unmatchedPage(db, 'c', '', 10);
    expect(rows).toMatchObject([
      { vendorId: '1', isSpeaking: false, doubt: { why: 'nobody', near: ['ben'] } },
    ]);
  });

  it('gives the accounts of one who turned out to be another to that one', async () => {
    const db = await opened();
    await save(db, [identity('1', 'ada')], time(1));
    await save(db, [identity('2', 'ben')], time(2));
    await db.transaction((tx) => mergePerson(tx, 'ben', 'ada'));
    const shown = await identitiesOfPerson(db, 'ada');
    expect(shown.map(({ vendorId }) => vendorId)).toEqual(['2', '1']);
    expect(shown[0]?.connection).toEqual({ id: 'c', name: 'Workspace', handle: 'slack' });
    expect(await titleOf(db, 'ada')).toBe('title of 2');
  });

  it('finds what a run did not show', async () => {
    const db = await opened();
    await save(db, [identity('1', 'ada'), identity('2', 'ben'), identity('3', null)], time(1));
    await stage(db, 'run', 'user', [{ id: '2' }]);
    const missing = await identitiesNotStaged(db, 'c', 'run', '', 10);
    expect(missing.map(({ vendorId }) => vendorId)).toEqual(['1', '3']);
    expect(await identitiesNotStaged(db, 'c', 'run', '3', 10)).toEqual([]);
  });
});
