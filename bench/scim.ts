/** What the SCIM endpoint alone costs, without a store: members of a large group, and whole lists of members. */

import { patch, type RunningBridge } from '../test/bridge.ts';
import { onStage, type Sizes } from './bench.ts';
import { median, ms, type Row, ratio, timed } from './figures.ts';
import { fill } from './fill.ts';

const SMALL_MEMBERS = 10;
const NEWCOMERS = 40;
const READS = 40;
const STALL_MAX_MS = 50;
const WHOLE_LIST = 10_000;

/** Adds members one at a time to a small and a large group in turns, while another client asks. */
export function members({ groupMembers }: Sizes): Promise<readonly Row[]> {
  return onStage(false, async ({ bridge }) => {
    const { db } = bridge;
    const newcomers = await fill({ db, count: NEWCOMERS, prefix: 'new' });
    const groups = { small: await newGroup(bridge, 'small'), large: await newGroup(bridge, 'large') };
    const group = (id: string) => ({ id, remoteId: '' });
    await fill({ db, count: SMALL_MEMBERS, prefix: 'few', group: group(groups.small) });
    await fill({ db, count: groupMembers, prefix: 'many', group: group(groups.large) });
    const rows: Row[] = [];
    for (const op of ['add', 'remove'] as const) {
      const times = { small: [] as number[], large: [] as number[] };
      const stalls = { small: 0, large: 0 };
      for (const id of newcomers) {
        for (const size of ['small', 'large'] as const) {
          const request = () =>
            bridge.scim(
              'PATCH',
              `/Groups/${groups[size]}`,
              patch({ op, path: 'members', value: [{ value: id }] }),
            );
          const { tookMs, longestMs } = await beside(bridge, id, request);
          times[size].push(tookMs);
          stalls[size] = Math.max(stalls[size], longestMs);
        }
      }
      const [few, many] = [median(times.small), median(times.large)];
      rows.push(
        {
          what: `${op} one member, median`,
          figure: `${ms(few)} → ${ms(many)} (${ratio(many, few)})`,
          goal: '<= 1.5x',
        },
        {
          what: `${op}: longest wait of another request`,
          figure: `${ms(stalls.small)} → ${ms(stalls.large)}`,
          goal: `<= ${STALL_MAX_MS} ms`,
        },
      );
    }
    return [...rows, ...(await readsWithoutMembers(bridge, groups))];
  });
}

/** Reads one group, and the list of groups, without members: members that are not shown are not read. */
async function readsWithoutMembers(
  bridge: RunningBridge,
  groups: Readonly<Record<'small' | 'large', string>>,
): Promise<readonly Row[]> {
  const read = (path: string) => () => bridge.scim('GET', path);
  const one = (id: string) => read(`/Groups/${id}?excludedAttributes=members`);
  const times = { small: [] as number[], large: [] as number[] };
  for (let n = 0; n < READS; n++) {
    for (const size of ['small', 'large'] as const) times[size].push(await timed(one(groups[size])));
  }
  const [few, many] = [median(times.small), median(times.large)];
  const memberReads = async (request: () => Promise<{ readonly status: number }>) =>
    (await during(bridge, request)).statements.filter(({ sql }) => /group_members/.test(sql)).length;
  return [
    {
      what: 'GET of a group without members, median',
      figure: `${ms(few)} → ${ms(many)} (${ratio(many, few)})`,
      goal: '<= 1.5x',
    },
    {
      what: 'statements about members: that GET, and GET /Groups without members',
      figure: `${await memberReads(one(groups.large))} and ${await memberReads(read('/Groups?excludedAttributes=members'))}`,
      goal: '0',
    },
  ];
}

/** The time of the request, and the longest that a small read took meanwhile. */
async function beside(bridge: RunningBridge, userId: string, request: () => Promise<unknown>) {
  let over = false;
  let longestMs = 0;
  const reads = async () => {
    while (!over) longestMs = Math.max(longestMs, await timed(() => bridge.scim('GET', `/Users/${userId}`)));
  };
  const reading = reads();
  const tookMs = await timed(request);
  over = true;
  await reading;
  return { tookMs, longestMs };
}

/** Sends a whole list with one member more or less than the group has: the bridge writes only the difference. */
export function wholeLists(): Promise<readonly Row[]> {
  return onStage(false, async ({ bridge }) => {
    const id = await newGroup(bridge, 'whole');
    const group = { id, remoteId: '' };
    const ids = await fill({ db: bridge.db, count: WHOLE_LIST, prefix: 'p', group });
    const [newcomer = '', other = ''] = await fill({ db: bridge.db, count: 2, prefix: 'new' });
    const without = (n: number, joined: string) => [...ids.slice(0, n), ...ids.slice(n + 1), joined];
    const listed = (users: readonly string[]) => users.map((value) => ({ value }));
    const replace = { op: 'replace', path: 'members', value: listed(without(0, newcomer)) };
    const put = { displayName: 'whole', members: listed(without(1, other)) };
    return [
      ...(await written(bridge, 'PATCH replace', () =>
        bridge.scim('PATCH', `/Groups/${id}`, patch(replace)),
      )),
      ...(await written(bridge, 'PUT', () =>
        bridge.scim('PUT', `/Groups/${id}?excludedAttributes=members`, put),
      )),
    ];
  });
}

interface Statement {
  readonly sql: string;
  readonly bindings: readonly unknown[];
}

/** The time of a request, and the number of statements that the bridge sent to its database for it. */
async function during({ db }: RunningBridge, request: () => Promise<{ readonly status: number }>) {
  const statements: Statement[] = [];
  const record = (statement: Statement) => statements.push(statement);
  db.on('query', record);
  let status = 0;
  const tookMs = await timed(async () => {
    status = (await request()).status;
  });
  db.removeListener('query', record);
  if (status >= 300) throw new Error(`it was answered ${status}`);
  return { statements, tookMs };
}

async function written(
  bridge: RunningBridge,
  what: string,
  request: () => Promise<{ readonly status: number }>,
): Promise<readonly Row[]> {
  const { statements, tookMs } = await during(bridge, request);
  const writes = statements.filter(({ sql }) => /^(insert into|delete from) .group_members/.test(sql));
  return [
    { what: `${what} of ${WHOLE_LIST} members, one is another`, figure: ms(tookMs) },
    { what: `${what}: statements in all`, figure: String(statements.length) },
    { what: `${what}: statements that write memberships`, figure: String(writes.length) },
  ];
}

async function newGroup(bridge: RunningBridge, displayName: string): Promise<string> {
  return (await bridge.scim('POST', '/Groups', { displayName })).body.id;
}
