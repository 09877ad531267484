/** Asks a pulled directory which groups it has, for an admin who chooses among them. */

import type { PulledRecord } from '../../db/pull/connections.ts';
import type { WantedGroups } from '../../db/queue/inquiries.ts';
import { RequestError } from '../../model/errors.ts';
import { onlyEnriches } from '../../model/pull/pull.ts';
import type { PropagationDeps } from '../../stores/deps.ts';
import type { GroupsAnswer } from '../../stores/vendorAnswer.ts';

type Listed = Extract<GroupsAnswer, { readonly outcome: 'listed' }>;

/**
 * Throws a 409 where the connection brings no groups, where another account answers, or where the credential may not
 * read them; 503 where the directory gives no answer or no worker can ask.
 */
export async function groupsOfSource(
  { inquiries }: Pick<PropagationDeps, 'inquiries'>,
  record: PulledRecord,
  wanted: WantedGroups,
): Promise<Listed> {
  const { name, type, settings } = record;
  if (onlyEnriches(type, settings)) {
    const why = 'it only adds to people whom another connection brings';
    throw new RequestError(409, `The connection ${name} brings no groups: ${why}.`);
  }
  const answer = await inquiries.listGroups(record, wanted);
  if (answer.outcome === 'listed') return answer;
  const reason = answer.message.replace(/\.$/, '');
  if (answer.outcome === 'refused')
    throw new RequestError(
      409,
      `The directory of ${name} did not list its groups: ${reason}. A check of the connection names each right.`,
    );
  const { retryAfterMs } = answer;
  throw new RequestError(
    503,
    `The directory of ${name} could not say which groups it has: ${reason}.`,
    [],
    retryAfterMs === undefined ? {} : { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) },
  );
}
