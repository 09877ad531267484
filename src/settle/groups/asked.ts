/**
 * The look at one SCIM group that asks the vendor: after an unknown outcome, and before the group is first linked.
 */

import type { LinkRecord } from '../../db/seen/links.ts';
import type { Attempt } from '../attempt.ts';
import { nameKey, remoteKey } from '../gate/claims.ts';
import { letCreationArrive } from '../recovery/found.ts';
import { recoverGroup } from '../recovery/group.ts';
import {
  type FoundGroup,
  type GroupFacts,
  type GroupLinkSight,
  type GroupSight,
  lookAtGroups,
} from './look.ts';

/** `links` may replace the recorded links. Throws the RemoteError of the vendor. */
export async function lookAtGroup(
  attempt: Attempt,
  links?: ReadonlyMap<string, LinkRecord>,
): Promise<GroupFacts> {
  const [found] = await lookAtGroups(attempt, byVendor(attempt), [attempt.task.subject.id], links);
  const facts = found as GroupFacts;
  const known = [facts.record, facts.found].flatMap((group) => (group ? [group.remoteId] : []));
  attempt.claim.take([nameKey(facts.desired.name), ...known.map((id) => remoteKey('group', id))]);
  return facts;
}

function byVendor(attempt: Attempt): GroupSight {
  const { connector } = attempt.context;
  return {
    async lookAtLinks(groupIds, links) {
      const sights = new Map<string, GroupLinkSight>();
      attempt.claim.take(
        keysOfLinks(
          attempt,
          groupIds.flatMap((id) => links.get(id) ?? []),
        ),
      );
      if (!attempt.unknownOutcome) return sights;
      for (const id of groupIds) if (!links.has(id)) sights.set(id, await recoverGroup(attempt));
      return sights;
    },
    async findGroups(groups) {
      const found = new Map<string, FoundGroup>();
      for (const { id, name } of groups) {
        attempt.claim.take([nameKey(name)]);
        await letCreationArrive(attempt, name);
        const group = await connector.find('group', name, attempt.looking('find'));
        if (group) found.set(id, { group, repairs: [{ kind: 'observe', remote: group }] });
      }
      return found;
    },
  };
}

/**
 * What the attempt claims before it asks the vendor: the linked group, its name there, and the name that an earlier
 * attempt may have given it.
 */
function keysOfLinks({ intent }: Attempt, links: readonly LinkRecord[]): readonly string[] {
  const intended = intent?.identifier === undefined ? [] : [nameKey(intent.identifier)];
  return [
    ...intended,
    ...links.flatMap(({ remoteId, remoteName }) => [remoteKey('group', remoteId), nameKey(remoteName)]),
  ];
}
