/** One SCIM group as the vendor answers for it: asked after an unknown outcome, and before a first link. */

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

/** `links` may replace what is recorded. Throws the RemoteError of the vendor. */
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

/** What a group is found by before anybody asks the vendor: its link, its name there, and a name it may have been made by. */
function keysOfLinks({ intent }: Attempt, links: readonly LinkRecord[]): readonly string[] {
  const intended = intent?.identifier === undefined ? [] : [nameKey(intent.identifier)];
  return [
    ...intended,
    ...links.flatMap(({ remoteId, remoteName }) => [remoteKey('group', remoteId), nameKey(remoteName)]),
  ];
}
