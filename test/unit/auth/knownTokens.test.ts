/** Tokens in memory: what another replica did with one holds at once, and what nobody knows costs next to nothing. */

import { createKnownTokens } from '../../../src/auth/knownTokens.ts';
import { hashToken } from '../../../src/auth/tokens.ts';
import { bootstrap } from '../../../src/boot/bootstrap.ts';
import { insertAdminToken } from '../../../src/db/access/adminTokens.ts';
import { deleteScimToken, insertScimToken, touchScimToken } from '../../../src/db/access/scimTokens.ts';
import { isoTime, systemClock } from '../../../src/support/clock.ts';
import { onEachDatabase } from '../../database.ts';

const AT = isoTime(Date.parse('2026-01-01T00:00:00Z'));

onEachDatabase((open) => {
  async function world() {
    const db = await open();
    const { scimToken = '', adminToken = '' } = await bootstrap(db, systemClock, { adminTokenGiven: false });
    const known = createKnownTokens(db, systemClock);
    const found = await known.scim(scimToken);
    if (!found) throw new Error('the token of the first start is not known');
    return { db, known, scimToken, adminToken, ...found };
  }

  it('knows tokens by their kind alone', async () => {
    const { known, scimToken, adminToken } = await world();
    expect(await known.admin(adminToken)).toMatchObject({ scopes: ['read', 'write'] });
    expect(await known.admin(scimToken)).toBeNull();
    expect(await known.scim(adminToken)).toBeNull();
    expect(await known.scim('wrong')).toBeNull();
  });

  it('lets nobody in whose token was revoked elsewhere, from the next request on', async () => {
    const { db, known, scimToken, token, connection } = await world();
    await db.transaction((tx) => deleteScimToken(tx, connection.id, token.id));
    expect(await known.scim(scimToken)).toBeNull();
  });

  it('lets in at once whose token was made elsewhere', async () => {
    const { db, known, token } = await world();
    await known.scim('wrong');
    await insertScimToken(db, { ...token, id: 'new', name: 'new' }, hashToken('made elsewhere'));
    expect(await known.scim('made elsewhere')).toMatchObject({ token: { id: 'new' } });
    const admin = { id: 'a', name: 'a', scopes: ['read'], environmentId: null } as const;
    const times = { createdAt: AT, validUntil: null, lastUsedAt: null };
    await insertAdminToken(db, { ...admin, ...times }, hashToken('admin elsewhere'));
    expect(await known.admin('admin elsewhere')).toMatchObject({ name: 'a' });
  });

  it('sees what became of the connection, and of how long the token lasts', async () => {
    const { db, known, scimToken, token, connection } = await world();
    await db('connections').where({ id: connection.id }).update({ name: 'renamed' });
    expect(await known.scim(scimToken)).toMatchObject({ connection: { name: 'renamed' } });
    await db('scim_tokens').where({ id: token.id }).update({ valid_until: AT });
    expect(await known.scim(scimToken)).toMatchObject({ token: { validUntil: AT } });
    await db('connections')
      .where({ id: connection.id })
      .update({ deletion: JSON.stringify({}) });
    expect(await known.scim(scimToken)).toBeNull();
  });

  it('reads all of them again only where something changed', async () => {
    const { db, known, scimToken, token } = await world();
    const statements: string[] = [];
    db.on('query', ({ sql }: { sql: string }) => statements.push(sql));
    await touchScimToken(db, token.id, isoTime(systemClock.now()));
    statements.length = 0;
    for (let n = 0; n < 5; n += 1) await known.scim(scimToken);
    expect(statements.filter((sql) => /scim_tokens|admin_tokens/.test(sql))).toEqual([]);
  });

  it('asks the database a few times a second for a thousand wrong ones at once', async () => {
    const { known } = await world();
    const started = performance.now();
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => known.scim(`wrong ${n}`)));
    expect(answers.every((answer) => answer === null)).toBe(true);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('tells an outage from a wrong token', async () => {
    const { db, known, scimToken } = await world();
    await db.destroy();
    await expect(known.scim(scimToken)).rejects.toThrow();
    await expect(known.scim('wrong')).rejects.toThrow();
  });
});
