/** What `/readyz` warns of: tokens that end within 14 days, and secrets that can be guessed. */

import { readWarnings } from '../../../src/auth/warnings.ts';
import { bootstrap } from '../../../src/boot/bootstrap.ts';
import type { Db } from '../../../src/db/open.ts';
import { isoTime, systemClock } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';

const NOW = Date.parse('2026-11-28T00:00:00.000Z');
const DAY_MS = 24 * 60 * 60_000;
const clock = { ...systemClock, now: () => NOW };

onEachDatabase((open) => {
  let db: Db;
  beforeAll(async () => {
    db = await open();
    await bootstrap(db, clock, { adminTokenGiven: false });
  });
  const ends = async (table: string, inDays: number | null) => {
    await db(table).update({ valid_until: inDays === null ? null : isoTime(NOW + inDays * DAY_MS) });
    return readWarnings(db, clock, []);
  };

  it.each([
    ['admin_tokens', 'admin_token_expiring'],
    ['scim_tokens', 'scim_token_expiring'],
  ])('%s', async (table, code) => {
    expect(await ends(table, null)).toEqual([]);
    expect(await ends(table, 15)).toEqual([]);
    expect(await ends(table, 14)).toEqual([code]);
    expect(await ends(table, 1)).toEqual([code]);
    expect(await ends(table, 0)).toEqual([]);
  });

  it('secrets of the configuration', async () => {
    expect(await readWarnings(db, clock, ['ADMIN_TOKEN', 'ENCRYPTION_KEY'])).toEqual([
      'admin_token_guessable',
      'encryption_key_guessable',
    ]);
  });
});
