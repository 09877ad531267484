/** Undo of a mass rewrite: addresses and user names are set back, and stay so while the directory wants the wrong ones. */

import { PLAYED } from '../../database.ts';
import { crowdIn } from './crowd.ts';
import { mail, startWorld, type World } from './world.ts';

let world: World;
const { joinMany } = crowdIn(() => world);

async function rewrite(id: string, name: string): Promise<void> {
  const reply = await world.bridge.scim('PUT', `/Users/${id}`, {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: mail(name),
    displayName: `${name} Doe`,
    emails: [{ value: mail(name), type: 'work', primary: true }],
    active: true,
  });
  expect(reply.status).toBe(200);
}

describe.each(PLAYED)('a rewritten company, on %s', (dialect) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
  });
  afterEach(() => world.stop());

  it.each(['Slack', 'GitLabSelfManaged', 'Demo'] as const)('is set back on %s', async (type) => {
    await world.add(type, { BRAKE_MIN: 4, BRAKE_PERCENT: 0 });
    const ids = await joinMany(8);
    for (const [n, id] of ids.entries()) await rewrite(id, `wrong${n}`);
    await world.settled();
    const [incident] = (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents;
    expect(incident.stores).toMatchObject([{ lost: 4, held: 4 }]);
    const path = `/propagation/incidents/${incident.id}`;
    expect((await world.bridge.admin('POST', `${path}/undo`, { all: true })).status).toBe(202);
    await world.settled();
    for (let n = 0; n < 8; n++) expect(await world.account(type, `p${n}`)).not.toBeNull();
    const closed = (await world.bridge.admin('GET', path)).body;
    expect(closed.state).toBe('CLOSED');
    expect(closed.undo.given).toBe(closed.undo.requested);
    expect(await world.status(type, ids[0] ?? '')).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('given back by'),
    });
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    for (let n = 0; n < 8; n++) expect(await world.account(type, `p${n}`)).not.toBeNull();
    // The mistake is corrected there, and somebody marries.
    await rewrite(ids[0] ?? '', 'p0');
    await world.settled();
    expect(await world.status(type, ids[0] ?? '')).toMatchObject({ status: 'synced' });
  });

  it('stays set back where GitLab shows the wrong address for a while', async () => {
    const type = 'GitLabSelfManaged';
    await world.add(type, { BRAKE_MIN: 1, BRAKE_PERCENT: 0 });
    const ids = await joinMany(2);
    for (const [n, id] of ids.entries()) await rewrite(id, `wrong${n}`);
    await world.settled();
    const account = await world.account(type, 'wrong0');
    const path = `/api/v4/users/${account?.id}`;
    const headers = { 'private-token': world.gitlab.adminToken };
    const body = await (await fetch(new URL(path, world.gitlab.url), { headers })).json();
    world.gitlab.faults.inject({
      fault: { kind: 'answer', answer: { status: 200, body } },
      matches: (request) => request.method === 'GET' && request.path === path,
      times: Number.POSITIVE_INFINITY,
    });
    const [incident] = (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents;
    await world.bridge.admin('POST', `/propagation/incidents/${incident.id}/undo`, { all: true });
    await world.settled();
    for (let n = 0; n < 2; n++) expect(await world.account(type, `p${n}`)).not.toBeNull();
  });

  it('counts what the directory takes back, where an answer to another write showed the former address', async () => {
    const type = 'GitLabSelfManaged';
    await world.add(type, { BRAKE_PERCENT: 100 });
    const ids = await joinMany(3);
    const readdress = (id: string, name: string) =>
      world.patch(`/Users/${id}`, {
        op: 'replace',
        path: 'emails',
        value: [{ value: mail(name), primary: true }],
      });
    for (const [n, id] of ids.entries()) await readdress(id, `wrong${n}`);
    await world.configure(type, { BRAKE_MIN: 1, BRAKE_PERCENT: 0 });
    for (const [n, id] of ids.entries()) {
      const account = await world.account(type, `wrong${n}`);
      const path = `/api/v4/users/${account?.id}`;
      const headers = { 'private-token': world.gitlab.adminToken };
      const shown = await (await fetch(new URL(path, world.gitlab.url), { headers })).json();
      const body = { ...(shown as object), name: 'Pat Doe', email: mail(`p${n}`) };
      world.gitlab.faults.inject({
        fault: { kind: 'answer', answer: { status: 200, body }, applied: true },
        matches: (request) => request.method === 'PUT' && request.path === path,
      });
      await world.patch(`/Users/${id}`, { op: 'replace', path: 'displayName', value: 'Pat Doe' });
    }
    for (const [n, id] of ids.entries()) await readdress(id, `p${n}`);
    const [incident] = (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents;
    expect(incident?.stores).toMatchObject([{ held: 2 }]);
  });
});
