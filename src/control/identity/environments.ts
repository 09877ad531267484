/** Makes and renames environments. Deleting one is in `endings/`. */

import { appendEvent } from '../../db/events.ts';
import {
  type EnvironmentRecord,
  insertEnvironment,
  lockEnvironment,
  renameEnvironment,
} from '../../db/identity/environments.ts';
import { isUniqueViolation } from '../../db/open.ts';
import { transact } from '../../db/transaction.ts';
import type { Cause } from '../../model/cause.ts';
import { RequestError } from '../../model/errors.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import { isoTime } from '../../support/clock.ts';
import { newId } from '../../support/ids.ts';
import { refuseOtherVersion, timeAfter, type Versions } from '../conflicts.ts';
import { auditedEnvironment } from './audited.ts';

/** Throws 409 where the name is taken. */
export async function createEnvironment(
  deps: Pick<PropagationDeps, 'db' | 'clock'>,
  name: string,
  cause: Cause,
): Promise<EnvironmentRecord> {
  const at = isoTime(deps.clock.now());
  const made = { id: newId(), name, createdAt: at, updatedAt: at };
  const environment: EnvironmentRecord = { ...made, deletion: null, deletedAt: null };
  await refuseTakenName(name, () =>
    transact(deps.db, async (tx) => {
      await insertEnvironment(tx, environment);
      await appendEvent(tx, at, {
        environmentId: environment.id,
        cause,
        kind: 'environment.created',
        outcome: 'success',
        after: auditedEnvironment(environment),
      });
    }),
  );
  return environment;
}

/** Throws 404, 409 where the name is taken, 412 where the environment has another version than expected. */
export async function changeEnvironment(
  deps: Pick<PropagationDeps, 'db' | 'clock'>,
  id: string,
  { name, expected }: { readonly name: string; readonly expected: Versions },
  cause: Cause,
): Promise<EnvironmentRecord> {
  return refuseTakenName(name, () =>
    transact(deps.db, async (tx) => {
      const before = await lockEnvironment(tx, id);
      if (!before) throw new RequestError(404, `There is no environment ${id} here.`);
      refuseOtherVersion(expected, before);
      const at = timeAfter(before.updatedAt, deps.clock);
      const after = { ...before, name, updatedAt: at };
      await renameEnvironment(tx, id, name, at);
      await appendEvent(tx, at, {
        environmentId: id,
        cause,
        kind: 'environment.updated',
        outcome: 'success',
        before: auditedEnvironment(before),
        after: auditedEnvironment(after),
      });
      return after;
    }),
  );
}

async function refuseTakenName<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const detail = 'name is taken; choose another';
    throw new RequestError(409, `There is an environment ${name} already.`, [{ pointer: '/name', detail }]);
  }
}
