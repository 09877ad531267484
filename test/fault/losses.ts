/**
 * Every status with every kind of body in the place of the vendor's answers about somebody who loses something, with
 * VERIFY off: nobody is said to be in sync who can still use what was to be taken, and everything is taken once the
 * vendor answers again.
 */

import type { Dialect } from '../../src/db/open.ts';
import { BODY_KINDS, bodyText, CELLS, type Cell, headersOf } from '../answers.ts';
import { eventually, patch, person } from '../bridge.ts';
import { groupBody, startWorld, type World } from '../conformance/propagation/world.ts';
import type { EmulatedRequest } from '../emulator/server.ts';

export type Vendor = 'Slack' | 'GitLabSelfManaged';

let world: World;
afterEach(() => world.stop());

const server = (type: Vendor) => (type === 'Slack' ? world.slack : world.gitlab);
const nameOf = ({ status, kind }: Cell) => `${kind}${status}`;
const groupOf = (cell: Cell) => `g-${nameOf(cell)}`;
const remoteId = async (type: Vendor, cell: Cell) => (await world.account(type, nameOf(cell)))?.id ?? '';

/** Something that is taken from somebody, once for each cell. */
interface Loss {
  readonly name: string;
  readonly vendors: readonly Vendor[];
  readonly settings: Readonly<Record<string, unknown>>;
  /** With an empty 204 the vendor says, in its documented shape, that it is done: nobody can know better. */
  readonly emptyIsDone: readonly Vendor[];
  /** The vendor's own "there is no such thing", of what is lost itself. */
  readonly goneIsDone: boolean;
  ask(people: Ids, groups: Ids, cell: Cell): Promise<unknown>;
  /** The requests about it. */
  aim(type: Vendor, cell: Cell): Promise<(request: EmulatedRequest) => boolean>;
  isLost(type: Vendor, cell: Cell): Promise<boolean>;
  /** The vendor's words for "there is no such thing". */
  words(type: Vendor): string;
  /** The person leaves by it. */
  readonly leaves: boolean;
  /** Who says how it stands. */
  subject(people: Ids, groups: Ids, cell: Cell): string;
}

type Ids = ReadonlyMap<string, string>;
const idOf = (ids: Ids, name: string) => ids.get(name) ?? '';

const aboutAccount = async (type: Vendor, cell: Cell) => {
  const path = new RegExp(`/users/${await remoteId(type, cell)}(/|$)`, 'i');
  return (request: EmulatedRequest) => path.test(request.path);
};
const isOut = async (type: Vendor, cell: Cell) => (await world.account(type, nameOf(cell)))?.enabled !== true;
const person404 = (type: Vendor) => (type === 'Slack' ? 'no_such_user' : '404 User Not Found');

const LOSSES: readonly Loss[] = [
  {
    name: 'disabling',
    vendors: ['Slack', 'GitLabSelfManaged'],
    settings: {},
    emptyIsDone: ['Slack'],
    goneIsDone: false,
    leaves: true,
    ask: (people, _groups, cell) =>
      world.bridge.scim(
        'PATCH',
        `/Users/${idOf(people, nameOf(cell))}`,
        patch({ op: 'replace', value: { active: false } }),
      ),
    aim: aboutAccount,
    isLost: isOut,
    words: person404,
    subject: (people, _groups, cell) => idOf(people, nameOf(cell)),
  },
  {
    name: 'deletion',
    vendors: ['GitLabSelfManaged'],
    settings: { REMOVE_ACTION: 'Delete' },
    emptyIsDone: ['GitLabSelfManaged'],
    goneIsDone: false,
    leaves: true,
    ask: (people, _groups, cell) => world.bridge.scim('DELETE', `/Users/${idOf(people, nameOf(cell))}`),
    aim: aboutAccount,
    isLost: isOut,
    words: person404,
    subject: (people, _groups, cell) => idOf(people, nameOf(cell)),
  },
  {
    name: 'removal from a group',
    vendors: ['Slack', 'GitLabSelfManaged'],
    settings: { GROUP_PROVISIONING: 'Create' },
    emptyIsDone: ['Slack', 'GitLabSelfManaged'],
    goneIsDone: true,
    leaves: false,
    ask: (_people, groups, cell) =>
      world.bridge.scim(
        'PATCH',
        `/Groups/${idOf(groups, groupOf(cell))}`,
        patch({ op: 'remove', path: 'members' }),
      ),
    async aim(type, cell) {
      const id = await remoteId(type, cell);
      const members = new RegExp(`/members/${id}$`);
      return ({ path, body }) =>
        type === 'Slack' ? JSON.stringify(body ?? '').includes(id) : members.test(path);
    },
    isLost: async (type, cell) => (await world.members(type, groupOf(cell)))?.length === 0,
    words: (type) => (type === 'Slack' ? 'no_such_group_members' : '404 Not found'),
    subject: (_people, groups, cell) => idOf(groups, groupOf(cell)),
  },
];

/** The vendor's own words, whatever the status. */
function ownWords(type: Vendor, status: number, words: string): unknown {
  if (type === 'GitLabSelfManaged') return { message: status === 404 ? words : `${status} Forbidden` };
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];
  return { schemas, detail: status === 404 ? words : 'permission_denied', status };
}

function isBelieved({ emptyIsDone, goneIsDone }: Loss, type: Vendor, { status, kind }: Cell): boolean {
  // HTTP gives a 204 no body, whatever is put into it.
  return (
    (status === 204 && emptyIsDone.includes(type)) || (goneIsDone && status === 404 && kind === 'vendor')
  );
}

async function asked(path: string, body: unknown): Promise<string> {
  const reply = await world.bridge.scim('POST', path, body);
  if (reply.status !== 201) throw new Error(`answered ${reply.status}`);
  return reply.body.id;
}

const CELLS_AT_ONCE = 20;

async function isOpen(type: Vendor, name: string): Promise<boolean> {
  const { openLeavers } = await world.syncStatus(type);
  const leavers = openLeavers as { subject: { display: string } }[];
  return leavers.some(({ subject }) => subject.display.includes(name));
}

/** What the bridge says of somebody, or of a group, whatever is left of them in the directory. */
async function statusOf(type: Vendor, scimId: string): Promise<string> {
  const { db } = world.bridge;
  const user = await db('users').where({ id: scimId }).first('person_id');
  const subject = { subject_id: user?.person_id ?? scimId, store_id: world.id(type) };
  const task = await db('tasks')
    .where({ ...subject, state: 'pending', failing: false })
    .first('id');
  if (task) return 'pending';
  return (await db('sync_statuses').where(subject).first('status'))?.status ?? 'nothing';
}

/** Declares the tests of one vendor. */
export function everyAnswerOf(type: Vendor, dialect: Dialect): void {
  it.each(LOSSES.filter(({ vendors }) => vendors.includes(type)))(
    'never believes a $name but where the vendor says so',
    async (loss) => {
      world = await startWorld(dialect);
      await world.add(type, { BRAKE_PERCENT: 100, VERIFY: false, ...loss.settings });
      const healthy = await asked('/Users', person('healthy'));
      const people = new Map<string, string>();
      const groups = new Map<string, string>();
      for (const cell of CELLS) {
        const id = await asked('/Users', person(nameOf(cell)));
        people.set(nameOf(cell), id);
        if (loss.settings.GROUP_PROVISIONING)
          groups.set(groupOf(cell), await asked('/Groups', groupBody(groupOf(cell), [id])));
        if (people.size % CELLS_AT_ONCE === 0) await world.settled();
      }
      await world.settled();
      const unsaid: string[] = [];
      const fooled: string[] = [];
      const told = new Map<string, number>();
      for (const cell of CELLS) {
        const aim = await loss.aim(type, cell);
        const text = bodyText(cell.kind, ownWords(type, cell.status, loss.words(type)));
        const headers = { ...headersOf(cell), ...(cell.status === 429 ? { 'retry-after': '0' } : {}) };
        const answer = { status: cell.status, headers, body: cell.status === 204 ? '' : text };
        let calls = 0;
        const matches = (request: EmulatedRequest) => {
          if (!aim(request)) return false;
          calls += 1;
          return true;
        };
        const fault = { kind: 'answer', answer } as const;
        server(type).faults.inject({ fault, matches, times: Number.POSITIVE_INFINITY });
        await loss.ask(people, groups, cell);
        await eventually(async () => (calls > 0 ? true : undefined), 60_000);
        // Whoever is due after that has been served, so that the attempt is over.
        const title = patch({ op: 'replace', path: 'title', value: nameOf(cell) });
        await world.bridge.scim('PATCH', `/Users/${healthy}`, title);
        await eventually(
          async () => ((await world.account(type, 'healthy'))?.title === nameOf(cell) ? true : undefined),
          60_000,
        );
        const status = await statusOf(type, loss.subject(people, groups, cell));
        const isTaken = await loss.isLost(type, cell);
        const believed = isBelieved(loss, type, cell);
        if (status === 'synced' && !isTaken && !believed) fooled.push(nameOf(cell));
        if (loss.leaves && !isTaken && !believed && !(await isOpen(type, nameOf(cell))))
          unsaid.push(nameOf(cell));
        const row = `${isTaken ? 'taken' : believed ? 'said to be done by the vendor' : 'owed'}, ${status}`;
        told.set(row, (told.get(row) ?? 0) + 1);
        server(type).faults.clear();
      }
      await world.store(type, 'POST', '/sync');
      // A hundred calls at the pace that the bridge has learned among the refusals.
      await world.settled(400_000);
      const left: string[] = [];
      for (const cell of CELLS.filter((one) => !isBelieved(loss, type, one)))
        if (!(await loss.isLost(type, cell))) left.push(nameOf(cell));
      const { openLeavers } = await world.syncStatus(type);
      process.stdout.write(`${loss.name} at ${type}: ${JSON.stringify(Object.fromEntries(told))}\n`);
      expect(CELLS).toHaveLength(18 * BODY_KINDS.length);
      expect({ fooled, unsaid, left, openLeavers }).toEqual({
        fooled: [],
        unsaid: [],
        left: [],
        openLeavers: [],
      });
    },
    1_200_000,
  );
}
