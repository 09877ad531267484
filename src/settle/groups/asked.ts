/** One SCIM group as the vendor answers for it: asked after an unknown outcome, and before a first link. */

import type { LinkRecord } from '../../db/seen/links.ts';
import type { Attempt } from '../attempt.ts';
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
  const [facts] = await lookAtGroups(attempt, byVendor(attempt), [attempt.task.subject.id], links);
  return facts as GroupFacts;
}

function byVendor(attempt: Attempt): GroupSight {
  const { connector } = attempt.context;
  return {
    async lookAtLinks(groupIds, links) {
      const sights = new Map<string, GroupLinkSight>();
      if (!attempt.unknownOutcome) return sights;
      for (const id of groupIds) if (!links.has(id)) sights.set(id, await recoverGroup(attempt));
      return sights;
    },
    async findGroups(groups) {
      const found = new Map<string, FoundGroup>();
      for (const { id, name } of groups) {
        const group = await connector.find('group', name, attempt.looking('find'));
        if (group) found.set(id, { group, repairs: [{ kind: 'observe', remote: group }] });
      }
      return found;
    },
  };
}
