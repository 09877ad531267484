/**
 * A directory that a test scripts: who is there, and everything that a vendor can do wrong while it is read. It stands
 * in for a vendor, behind the same contract as the release's own sources.
 */

import { RemoteError } from '../../../src/model/errors.ts';
import { SOURCE_SPECS } from '../../../src/sources/settings.ts';
import type {
  Lookup,
  ScanPage,
  ScanRequest,
  SourceDefinition,
  SourceGroup,
  SourceUser,
} from '../../../src/sources/source.ts';
import { type RunningBridge, startBridge } from '../../bridge.ts';
import { Pulled } from './pulled.ts';

export interface ScriptedGroup extends SourceGroup {
  /** Ids of users, or of groups with `group:` before them; `*` is everybody. */
  readonly members: readonly string[];
}

/** What happens while it is read; each at its default does nothing. */
export interface Script {
  users: SourceUser[];
  groups: ScriptedGroup[];
  tenant: string;
  /** Ids that the scan leaves out although they are there. */
  hidden: string[];
  /** Ends without the last page. */
  breaksOff: boolean;
  /** Fails at the first page. */
  fails: RemoteError | null;
  unread: Extract<ScanPage, { kind: 'unread' }>[];
  /** What a look-up answers, by id; else what is there. */
  lookups: Record<string, Lookup>;
  /** Whether a group has somebody by the source's word, by the person's id; else nobody who is not in its list. */
  asked: Record<string, boolean | null>;
  missingRight: string | null;
  /** Where a delta would go on; null where there is none. */
  position: string | null;
  /** Ids of those whom a delta shows. */
  changed: string[];
  /** Before each page but the first of people. */
  between: () => Promise<void>;
  /** Of people. */
  pageSize: number;
  /** Scans that hold a connection. */
  open: number;
}

export function script(): Script {
  return {
    ...{ users: [], groups: [], tenant: 'acme', hidden: [], breaksOff: false, fails: null },
    ...{ unread: [], lookups: {}, asked: {}, missingRight: null, position: null, changed: [] },
    ...{ between: async () => undefined, open: 0, pageSize: 2 },
  };
}

export function user(id: string, more: Partial<SourceUser> & { readonly name?: string } = {}): SourceUser {
  const { name = id, attributes, ...rest } = more;
  return {
    id,
    state: 'active',
    ...rest,
    attributes: { email: `${name}@acme.example`, displayName: name, number: id, ...attributes },
  };
}

/** Under a strategy that the contract knows, with a secret, a host and a filter as settings. */
export function scripted(state: Script): SourceDefinition {
  return {
    strategy: 'google',
    vendor: 'Scripted',
    enriches: false,
    settings: [
      { key: 'URL', type: 'url', required: true, description: 'Where it is.' },
      { key: 'TOKEN', type: 'string', required: true, secret: true, description: 'How to get in.' },
      { key: 'FILTER', type: 'string', description: 'Who is shown: those whose id begins so.' },
      ...SOURCE_SPECS,
    ],
    scopeKeys: ['FILTER'],
    hostKeys: ['URL'],
    reach: 'private',
    defaultMapping: [
      { target: 'userName', sources: ['login', 'email'] },
      { target: 'primaryEmail', sources: ['email'] },
      { target: 'displayName', sources: ['displayName'] },
      { target: 'title', sources: ['title'] },
    ],
    manager: { childKey: 'boss', parentKey: 'number' },
    create: ({ configuration }) => {
      const shows = ({ id }: { readonly id: string }) => id.startsWith(String(configuration.FILTER ?? ''));
      async function* pages(
        { groups }: ScanRequest,
        isIn: (one: { readonly id: string }) => boolean = () => true,
      ): AsyncGenerator<ScanPage> {
        const users = state.users.filter((one) => shows(one) && isIn(one) && !state.hidden.includes(one.id));
        for (let at = 0; at < users.length; at += state.pageSize) {
          if (at > 0) await state.between();
          yield { kind: 'users', users: users.slice(at, at + state.pageSize) };
        }
        yield* state.unread;
        const chosen = state.groups.filter(
          (one) =>
            isIn(one) &&
            (groups.mode === 'All' || (groups.mode === 'Selected' && groups.ids.includes(one.id))),
        );
        yield { kind: 'groups', groups: chosen.map(({ members: _, ...group }) => group) };
        for (const group of chosen) {
          if (state.unread.some(({ what, id }) => what === 'members' && id === group.id)) continue;
          yield { kind: 'members', groupId: group.id, members: group.members.map(memberOf), isLast: true };
        }
        if (state.breaksOff) return;
        yield { kind: 'end', position: state.position };
      }
      return {
        tenant: async () => ({ id: state.tenant, name: state.tenant }),
        check: async () => {
          const missing = state.missingRight;
          const right = { right: missing ?? 'users', granted: missing === null };
          const code = missing === null ? 'granted' : 'missing_right';
          const message = missing === null ? 'It may read users.' : `Grant it ${missing}.`;
          return {
            status: missing === null ? 'OK' : 'FAILED',
            tenant: { id: state.tenant, name: state.tenant },
            self: null,
            details: [{ code, message, ...right }],
          };
        },
        async *scan(request: ScanRequest) {
          if (state.fails) throw state.fails;
          state.open += 1;
          try {
            yield* pages(request);
          } finally {
            state.open -= 1;
          }
        },
        delta: (_position, request) => pages(request, ({ id }) => state.changed.includes(id)),
        async lookup(kind, id) {
          const scriptedAnswer = state.lookups[id];
          if (scriptedAnswer) return scriptedAnswer;
          const there = (kind === 'user' ? state.users : state.groups).find((one) => one.id === id);
          return there ? { is: 'found', inScope: shows(there) } : { is: 'gone' };
        },
        isMember: async (_group, userId) => state.asked[userId] ?? (userId in state.asked ? null : false),
      };
    },
  };
}

function memberOf(text: string) {
  if (text === '*') return { kind: 'everyone' as const };
  return text.startsWith('group:')
    ? { kind: 'group' as const, id: text.slice('group:'.length) }
    : { kind: 'user' as const, id: text };
}

export function outage(disposition: 'transient' | 'unauthorized'): RemoteError {
  return new RemoteError('Scripted is out of order', {
    store: 'Scripted',
    action: 'list users',
    disposition,
  });
}

/** A bridge that can pull it, with a connection that is not pulled yet. */
export async function startScripted(
  databaseUrl: string,
  state: Script,
  configuration: object = {},
  more: object = {},
): Promise<{ readonly bridge: RunningBridge; readonly pulled: Pulled }> {
  const bridge = await startBridge(databaseUrl, undefined, { moreSources: [scripted(state)] });
  const pulled = await Pulled.make(bridge, {
    ...{ name: 'Scripted', strategy: 'google', sync: { enabled: false } },
    configuration: { URL: 'http://127.0.0.1:9', TOKEN: 'a-secret', ...configuration },
    ...more,
  });
  return { bridge, pulled };
}
