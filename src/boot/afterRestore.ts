/**
 * The first start on a database that came from a backup, by `restore` or by hand. It pauses every store before a
 * worker starts, because the database does not know what the bridge did after the backup.
 */

import type { Knex } from 'knex';
import { pauseRestored } from '../control/pause.ts';
import { appendEvent } from '../db/events.ts';
import { forgetFact, readFact } from '../db/facts.ts';
import { everyEnvironmentId } from '../db/identity/environments.ts';
import { type Cause, SYSTEM } from '../model/cause.ts';
import { type Clock, isoTime } from '../support/clock.ts';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';

export async function pauseAfterRestore(db: Knex, clock: Clock, log: Log): Promise<void> {
  await db.transaction(async (tx) => {
    const takenAt = await readFact(tx, 'backup');
    // If several processes start at once, only one finds the row.
    if (takenAt === null || !(await forgetFact(tx, 'backup'))) return;
    const at = isoTime(clock.now());
    const cause: Cause = { correlationId: newId(), actor: SYSTEM };
    const stores = await pauseRestored(tx, takenAt, at, cause);
    for (const environmentId of await everyEnvironmentId(tx)) {
      const event = { environmentId, cause, kind: 'backup.restored', outcome: 'success' } as const;
      await appendEvent(tx, at, { ...event, after: { takenAt } });
    }
    log.warn({ takenAt, stores }, 'restored from a backup: every store is paused until an admin resumes it');
  });
}
