/** The made-up directory as a source: pages, look-ups, and its present day. */

import type { Kind } from '../../model/subject.ts';
import type {
  GroupChoice,
  Lookup,
  ScanPage,
  ScanRequest,
  Source,
  SourceGroup,
  SourceUser,
} from '../source.ts';
import type { Company, Employee, Team } from './company.ts';

const PAGE = 25;
const TENANT = { id: 'demo', name: 'the demo company' };

/** Look-ups answer for the day that the last scan showed. */
export function createDemoSource(
  companyOn: (day: number) => Company,
  userOf: (employee: Employee) => SourceUser,
): Source {
  let day = 1;
  return {
    check: async () => ({
      status: 'OK',
      tenant: TENANT,
      self: null,
      details: [
        {
          code: 'granted',
          right: 'everything',
          granted: true,
          message: 'The demo company can be read: there is nothing to grant.',
        },
      ],
    }),
    tenant: async () => TENANT,
    async *scan(request: ScanRequest): AsyncIterable<ScanPage> {
      day = request.day ?? Number(request.position ?? day);
      const { people, teams } = companyOn(day);
      for (let at = 0; at < people.length; at += PAGE) {
        const users = people.slice(at, at + PAGE).map(userOf);
        yield { kind: 'users', users, total: people.length };
      }
      const chosen = teams.filter(({ id }) => isChosen(request.groups, id));
      yield { kind: 'groups', groups: chosen.map(groupOf) };
      for (const { id: groupId, memberIds } of chosen) {
        const members = memberIds.map((id) => ({ kind: 'user' as const, id }));
        yield { kind: 'members', groupId, members, isLast: true };
      }
      yield { kind: 'end', position: String(day) };
    },
    listGroups: async () => ({ groups: companyOn(day).teams.map(groupOf), next: null }),
    async lookup(kind: Kind, id: string): Promise<Lookup> {
      const { people, teams } = companyOn(day);
      const employee = kind === 'user' ? people.find((one) => one.id === id) : undefined;
      if (employee) return { is: 'found', inScope: true, user: userOf(employee) };
      const isTeam = kind === 'group' && teams.some((one) => one.id === id);
      return isTeam ? { is: 'found', inScope: true } : { is: 'gone' };
    },
  };
}

function groupOf({ id, name }: Team): SourceGroup {
  return { id, name, state: 'active' };
}

function isChosen(groups: GroupChoice, id: string): boolean {
  return groups.mode === 'All' || (groups.mode === 'Selected' && groups.ids.includes(id));
}
