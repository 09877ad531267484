/** A source in a test: what it is built from, and what one of its scans showed, all pages together. */

import type { Configuration } from '../../../src/model/settings.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import type {
  ScanPage,
  Source,
  SourceDefinition,
  SourceDeps,
  SourceGroup,
  SourceMember,
  SourceUser,
} from '../../../src/sources/source.ts';
import { openToLoopback } from '../../outbound.ts';

export const CONTEXT = { signal: new AbortController().signal, record: () => undefined };

export interface Reader {
  readonly source: Source;
  /** How long the source wanted to wait each time; it did not have to. */
  readonly waits: readonly number[];
}

/** Waits take no time, and the source's clock goes on by them. */
export function openReader(
  definition: SourceDefinition,
  configuration: Configuration,
  more: Partial<SourceDeps> = {},
): Reader {
  const waits: number[] = [];
  let ahead = 0;
  const source = definition.create({
    connectionId: 'connection',
    configuration: withDefaults(definition.settings, configuration),
    now: () => performance.now() + ahead,
    wallClock: Date.now,
    async sleep(ms) {
      waits.push(ms);
      ahead += ms;
    },
    fetch: openToLoopback('private', {}),
    addressOf: async (host) => host,
    ...more,
  });
  return { source, waits };
}

export interface Seen {
  readonly users: ReadonlyMap<string, SourceUser>;
  readonly groups: ReadonlyMap<string, SourceGroup>;
  readonly members: ReadonlyMap<string, readonly SourceMember[]>;
  readonly unread: readonly Extract<ScanPage, { kind: 'unread' }>[];
  readonly skipped: readonly Extract<ScanPage, { kind: 'skipped' }>[];
  /** Undefined where the scan did not end. */
  readonly position: string | null | undefined;
}

export async function collect(pages: AsyncIterable<ScanPage>): Promise<Seen> {
  const users = new Map<string, SourceUser>();
  const groups = new Map<string, SourceGroup>();
  const members = new Map<string, readonly SourceMember[]>();
  const unread: Extract<ScanPage, { kind: 'unread' }>[] = [];
  const skipped: Extract<ScanPage, { kind: 'skipped' }>[] = [];
  let position: string | null | undefined;
  for await (const page of pages) {
    if (page.kind === 'users') for (const user of page.users) users.set(user.id, user);
    if (page.kind === 'groups') for (const group of page.groups) groups.set(group.id, group);
    if (page.kind === 'members') {
      members.set(page.groupId, [...(members.get(page.groupId) ?? []), ...page.members]);
    }
    if (page.kind === 'unread') unread.push(page);
    if (page.kind === 'skipped') skipped.push(page);
    if (page.kind === 'end') position = page.position;
  }
  return { users, groups, members, unread, skipped, position };
}

export const ALL = { groups: { mode: 'All' }, position: null } as const;

/** What a delta from there shows. */
export function changesSince(source: Source, position: string | null | undefined): Promise<Seen> {
  if (!source.delta || !position) throw new Error('there is nothing to go on from');
  return collect(source.delta(position, ALL, CONTEXT));
}

export const memberIds = (seen: Seen, groupId: string) =>
  (seen.members.get(groupId) ?? []).map((member) => ('id' in member ? member.id : member.kind)).sort();
