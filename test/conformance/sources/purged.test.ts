/** Whoever was purged stays so, though the source goes on to show them as inactive. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIdentifierHash } from '../../../src/db/access/identifierKey.ts';
import { purgePeople } from '../../../src/directory/retention.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { parseKeyring } from '../../../src/support/secret.ts';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { freshDatabaseUrl, PLAYED } from '../../database.ts';
import { Pulled } from './pulled.ts';
import { script, scripted, user } from './scripted.ts';

const DAY_MS = 24 * 60 * 60_000;

describe.each(PLAYED)('on %s', (dialect) => {
  const directory = mkdtempSync(join(tmpdir(), 'scim-bridge-purged-'));
  const keyring = parseKeyring(randomBytes(32).toString('base64'));
  const state = script();
  let bridge: RunningBridge;
  let pulled: Pulled;
  beforeAll(async () => {
    state.users = [user('a1'), user('left')];
    const more = { keyring, moreSources: [scripted(state)] };
    bridge = await startBridge(await freshDatabaseUrl(dialect, directory), undefined, more);
    pulled = await Pulled.make(bridge, {
      ...{ name: 'Scripted', strategy: 'google', sync: { enabled: false }, retentionDays: 0 },
      configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret' },
    });
    await pulled.activate();
  });
  afterAll(async () => {
    await bridge.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const found = async () => (await bridge.admin('GET', '/people?q=left')).body._embedded.people.length;
  const full = () => pulled.sync({ full: true });

  it('comes back with no run before they are active again', async () => {
    state.users = [user('a1'), user('left', { state: 'inactive' })];
    expect(await full()).toMatchObject({ summary: { deactivated: 1 } });
    const clock = { ...systemClock, now: () => Date.now() + 40 * DAY_MS };
    const identifierHash = createIdentifierHash(bridge.db, keyring);
    await purgePeople({ db: bridge.db, clock, identifierHash }, new AbortController().signal);
    expect(await found()).toBe(0);
    for (let n = 0; n < 2; n++) {
      expect(await full()).toMatchObject({ state: 'DONE', summary: { created: 0, skipped: 1 } });
      expect(await found()).toBe(0);
      expect(await bridge.db('source_records').where({ source_id: 'left' })).toEqual([]);
    }
    state.users = [user('a1'), user('left')];
    expect(await full()).toMatchObject({ state: 'DONE', summary: { created: 1, skipped: 0 } });
    expect(await found()).toBe(1);
  });
});
