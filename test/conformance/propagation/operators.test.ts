/** What operators do by hand, and what the audit log tells of a change from the request to the answer. */

import { eventually, patch, person } from '../../bridge.ts';
import { mail, startWorld, VENDORS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

type Vendor = (typeof VENDORS)[number];
const server = (type: Vendor) => (type === 'Slack' ? world.slack : world.gitlab);

/** The vendor refuses whatever is created for this person, in words of its own. */
function refuse(type: Vendor, name: string, times: number): void {
  const words =
    type === 'Slack'
      ? { schemas: ['urn:scim:schemas:core:1.0'], Errors: { description: 'name_not_liked', code: 400 } }
      : { message: { base: ['name_not_liked'] } };
  server(type).faults.inject({
    fault: { kind: 'answer', answer: { status: 400, body: words } },
    matches: (r) => r.method === 'POST' && JSON.stringify(r.body ?? '').includes(mail(name)),
    times,
  });
}

async function parked(type: Vendor) {
  const reply = await world.bridge.admin('GET', `/propagation/tasks?storeId=${world.id(type)}&state=parked`);
  return reply.body._embedded.tasks;
}

describe.each(VENDORS)('a task that %s refuses', (type) => {
  it("is parked with the vendor's words, while others go on, until somebody retries it", async () => {
    await world.add(type);
    refuse(type, 'bad', 100);
    const bad = await world.join('bad');
    const good = await world.join('good');
    expect(await world.status(type, good)).toMatchObject({ status: 'synced' });
    expect(await world.status(type, bad)).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('name_not_liked'),
      vendor: { status: 400, message: expect.stringContaining('name_not_liked') },
    });
    expect(await world.syncStatus(type)).toMatchObject({
      syncState: 'FAILED',
      failedCount: 1,
      successCount: 1,
    });
    const [task, ...others] = await parked(type);
    expect(others).toEqual([]);
    expect(task).toMatchObject({
      state: 'parked',
      error: { message: expect.stringContaining('name_not_liked') },
    });
    const told = await world.bridge.admin('GET', '/events?kind=task.parked&limit=1');
    expect(told.body._embedded.events[0].subject).toMatchObject({ display: 'bad@acme.example' });

    server(type).faults.clear();
    const reply = await world.bridge.admin('POST', `/propagation/tasks/${task.id}/retry`, {});
    expect(reply.status).toBe(202);
    await world.settled();
    expect(await world.status(type, bad)).toMatchObject({ status: 'synced' });
    expect(await world.syncStatus(type)).toMatchObject({ syncState: 'SYNCED', failedCount: 0 });
    const after = await world.bridge.admin('GET', `/propagation/tasks?storeId=${world.id(type)}`);
    expect(after.body.count).toBe(0);
  });

  it('is taken up by the next write to the person', async () => {
    await world.add(type);
    refuse(type, 'bad', 100);
    const bad = await world.join('bad');
    server(type).faults.clear();
    await world.patch(`/Users/${bad}`, { op: 'replace', path: 'title', value: 'X' });
    expect(await world.status(type, bad)).toMatchObject({ status: 'synced' });
    expect(await parked(type)).toEqual([]);
  });

  it('can be discarded, and then stays so until the directory asks again', async () => {
    await world.add(type);
    refuse(type, 'bad', 100);
    const bad = await world.join('bad');
    const [task] = await parked(type);
    server(type).faults.clear();
    await world.forget();
    expect((await world.bridge.admin('POST', `/propagation/tasks/${task.id}/discard`, {})).status).toBe(204);
    await world.settled();
    expect(await world.status(type, bad)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('discarded by'),
    });
    expect(await world.writes(type)).toEqual([]);
    expect((await world.bridge.admin('POST', `/propagation/tasks/${task.id}/retry`, {})).status).toBe(404);
    await world.patch(`/Users/${bad}`, { op: 'replace', path: 'title', value: 'X' });
    expect(await world.writes(type)).toEqual(['create']);
  });
});

describe.each(VENDORS)('links by hand on %s', (type) => {
  it('name an account that no identifier would find, and take it into care', async () => {
    await world.add(type, { CREATE_USERS: false });
    const remoteId = world.seed(type, { name: 'maiden' });
    const jane = await world.join('jane');
    const reply = await world.store(type, 'POST', '/links', {
      subject: { kind: 'user', id: jane },
      remoteId,
    });
    expect(reply).toMatchObject({ status: 201, body: { remoteId, origin: 'adopted', state: 'enabled' } });
    await world.settled();
    expect(await world.writes(type)).toEqual(['update']);
    expect((await world.account(type, 'jane'))?.id).toBe(remoteId);
    expect(await world.status(type, jane)).toMatchObject({ status: 'synced', remoteId });
    await world.forget();
    await world.setActive(jane, false);
    expect(await world.writes(type)).toEqual(['disable']);
  });

  it('are refused for an account that is not there or is linked, and for a stranger', async () => {
    await world.add(type);
    const jane = await world.join('jane');
    const joe = await world.join('joe');
    const link = (id: string, remoteId: string) =>
      world.store(type, 'POST', '/links', { subject: { kind: 'user', id }, remoteId });
    const janes = (await world.account(type, 'jane'))?.id ?? '';
    expect((await link(joe, janes)).status).toBe(409);
    expect((await link('nobody', janes)).status).toBe(404);
    await world.store(type, 'DELETE', `/links/${(await world.link(type, joe))?.id}`);
    expect((await link(joe, type === 'Slack' ? 'U9999' : '9999')).status).toBe(409);
    expect((await link(joe, janes)).status).toBe(409);
    expect(await world.link(type, jane)).toMatchObject({ remoteId: janes });
  });

  it('undone, leave the account alone, and the person unsynced until something changes', async () => {
    await world.add(type);
    const jane = await world.join('jane');
    const link = await world.link(type, jane);
    await world.forget();
    expect((await world.store(type, 'DELETE', `/links/${link?.id}`)).status).toBe(204);
    await world.settled();
    expect(await world.writes(type)).toEqual([]);
    expect(await world.link(type, jane)).toBeNull();
    expect(await world.status(type, jane)).toMatchObject({
      status: 'unsynced',
      reason: expect.stringContaining('unlinked by'),
    });
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'X' });
    // Found again by the identifier: adopted now, and never a second account.
    expect(await world.link(type, jane)).toMatchObject({ origin: 'adopted', remoteId: link?.remoteId });
    expect((await world.account(type, 'jane'))?.title).toBe('X');
  });

  it('undone for a person who is gone, keep the account out of reach of later removals', async () => {
    await world.add(type, { DEPROVISION_USERS: false });
    const jane = await world.join('jane');
    const link = await world.link(type, jane);
    await world.remove(`/Users/${jane}`);
    await world.store(type, 'DELETE', `/links/${link?.id}`);
    await world.configure(type, {});
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    expect(await world.writes(type)).not.toContain('disable');
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: true });
  });
});

describe.each(VENDORS)('the audit log on %s', (type) => {
  it('tells the whole chain of a change under one correlation id', async () => {
    await world.add(type, { GROUP_PROVISIONING: 'Create' });
    const reply = await world.bridge.scim('POST', '/Users', person('jane', { title: 'Engineer' }));
    await world.settled();
    const id = reply.headers.get('x-correlation-id');
    expect(id).toEqual(expect.any(String));
    const { body } = await world.bridge.admin('GET', `/events?correlationId=${id}`);
    const [change, request] = body._embedded.events;
    expect(request).toMatchObject({
      kind: 'user.created',
      outcome: 'success',
      actor: { type: 'connection' },
      request: { method: 'POST' },
      correlationId: id,
    });
    expect(change).toMatchObject({
      kind: 'change.create',
      outcome: 'success',
      actor: { type: 'system' },
      store: { id: world.id(type), name: type },
      correlationId: id,
      calls: [{ method: 'POST', status: 201, durationMs: expect.any(Number) }],
      after: { identifier: mail('jane') },
    });
    expect(await world.status(type, reply.body.id)).toMatchObject({ correlationId: id });

    const group = await world.bridge.scim('POST', '/Groups', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: 'engineering',
      members: [{ value: reply.body.id }],
    });
    await world.settled();
    const ofGroup = await world.bridge.admin(
      'GET',
      `/events?correlationId=${group.headers.get('x-correlation-id')}`,
    );
    const kinds = ofGroup.body._embedded.events.map((event: { kind: string }) => event.kind);
    expect(kinds).toEqual(['change.grant', 'change.create', 'group.created']);
  });

  it('has every cause of work that was folded into one call', async () => {
    await world.add(type);
    const jane = await world.join('jane');
    await world.store(type, 'POST', '/pause', {});
    const ids: (string | null)[] = [];
    for (const title of ['A', 'B', 'C']) {
      const reply = await world.bridge.scim(
        'PATCH',
        `/Users/${jane}`,
        patch({ op: 'replace', path: 'title', value: title }),
      );
      ids.push(reply.headers.get('x-correlation-id'));
    }
    await world.forget();
    await world.store(type, 'POST', '/resume', {});
    await world.settled();
    expect(await world.writes(type)).toEqual(['update']);
    for (const id of ids) {
      const { body } = await world.bridge.admin('GET', `/events?correlationId=${id}`);
      const kinds = body._embedded.events.map((event: { kind: string }) => event.kind);
      expect(kinds).toEqual(['change.update', 'user.updated']);
    }
  });

  it("shows a person's timeline, newest first, with what failed and what was left undone", async () => {
    await world.add(type, { UPDATE_USERS: false });
    server(type).faults.inject({
      fault: { kind: 'answer', answer: { status: 500, body: 'oops' } },
      matches: (r) => r.method === 'POST' && !r.path.startsWith('/api/auth'),
    });
    const jane = await world.join('jane');
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'X' });
    await world.setActive(jane, false);
    const { body } = await world.bridge.admin('GET', `/users/${jane}/timeline`);
    const lines = body._embedded.events.map(
      (e: { kind: string; outcome: string }) => `${e.kind} ${e.outcome}`,
    );
    expect(lines).toEqual([
      'change.disable success',
      'user.deactivated success',
      'change.update skipped',
      'user.updated success',
      'change.create success',
      'change.create failure',
      'user.created success',
    ]);
  });

  it('says of each change by which rule it is, or why not any more, and what was asked before it', async () => {
    const storeId = await world.add(type);
    const rule = { name: 'Engineers', storeId, populationExpression: 'title sw "Engineer"' };
    expect((await world.bridge.admin('POST', '/propagation/rules', rule)).status).toBe(201);
    await world.settled();
    world.seed(type, { name: 'jane' });
    const jane = await world.join('jane', { title: 'Engineer' });
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Manager' });
    await world.patch(`/Users/${jane}`, { op: 'replace', path: 'title', value: 'Engineer II' });
    await world.setActive(jane, false);
    await world.remove(`/Users/${jane}`);
    const again = await world.join('jane', { title: 'Engineer' });
    await world.remove(`/Users/${again}`);
    const { body } = await world.bridge.admin('GET', `/users/${again}/timeline`);
    const story = body._embedded.events
      .filter((e: { outcome: string }) => e.outcome === 'success')
      .filter((e: { kind: string }) => e.kind.startsWith('change.') && e.kind !== 'change.update')
      .map((e: { kind: string; reason: string }) => [e.kind, e.reason])
      .reverse();
    const included = 'in scope by the rule "Engineers"';
    expect(story).toEqual([
      ['change.adopt', included],
      ['change.disable', `out of scope: no active rule of ${type} includes this person`],
      ['change.enable', included],
      ['change.disable', 'inactive in the directory'],
      ['change.enable', included],
      ['change.disable', 'deleted in the identity provider'],
    ]);
    await world.configure(type, { GROUP_PROVISIONING: 'Create' });
    await world.remove(
      `/Groups/${await world.group('team', [await world.join('joe', { title: 'Engineer' })])}`,
    );
    const told = (await world.bridge.admin('GET', '/events?outcome=success')).body._embedded.events;
    const why = (kind: string) => told.find((e: { kind: string }) => e.kind === kind)?.reason;
    expect(why('change.grant')).toBe('a member in the directory');
    expect(why('change.revoke')).toBe('deleted in the identity provider');
    expect(why('group.detached')).toBe('deleted in the identity provider');
    const adopted = body._embedded.events.find((e: { kind: string }) => e.kind === 'change.adopt');
    expect(adopted.calls.length).toBeGreaterThan(0);
    expect(adopted.calls[0]).toMatchObject({ method: 'GET', status: 200 });
  });

  it('has the reads that failed, the scans that did, and who asked for a preview', async () => {
    await world.add(type, { CREATE_USERS: false });
    const failing = { status: 500, body: 'oops' };
    const reads = (r: { method: string; path: string }) => r.method === 'GET' && /users/i.test(r.path);
    server(type).faults.inject({ fault: { kind: 'answer', answer: failing }, matches: reads });
    const reply = await world.bridge.scim('POST', '/Users', person('jane'));
    await world.settled();
    const id = reply.headers.get('x-correlation-id');
    const chain = (await world.bridge.admin('GET', `/events?correlationId=${id}&kind=task.failed`)).body;
    expect(chain._embedded.events).toEqual([
      expect.objectContaining({
        outcome: 'failure',
        calls: [expect.objectContaining({ method: 'GET', status: 500 })],
        reason: expect.any(String),
      }),
    ]);
    // In the vendor's own words; in others it would be an outage.
    const ofSlack = { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], detail: 'permission_denied' };
    const refused = { status: 403, body: type === 'Slack' ? ofSlack : { message: '403 Forbidden' } };
    server(type).faults.inject({ fault: { kind: 'answer', answer: refused }, matches: reads });
    const sync = await world.store(type, 'POST', '/sync', {});
    await world.settled();
    const failed = (await world.bridge.admin('GET', '/events?kind=sync.failed')).body._embedded.events;
    expect(failed).toEqual([
      expect.objectContaining({ outcome: 'failure', correlationId: sync.headers.get('x-correlation-id') }),
    ]);
    const shown = await world.store(type, 'POST', '/preview', {});
    const asked = (await world.bridge.admin('GET', '/events?kind=preview.requested')).body._embedded.events;
    expect(asked).toEqual([
      expect.objectContaining({
        actor: expect.objectContaining({ type: 'admin' }),
        after: { previewId: shown.body.id },
      }),
    ]);
  });

  it('holds no secret', async () => {
    await world.add(type);
    await world.configure(type, { CREATE_USERS: false });
    await world.store(type, 'POST', '/sync', {});
    await world.settled();
    const { body } = await world.bridge.admin('GET', '/events?limit=200');
    const text = JSON.stringify(body);
    const configuration = world.connection(type);
    const secret = configuration.OAUTH_ACCESS_TOKEN ?? configuration.ACCESS_TOKEN;
    expect(text).not.toContain(secret);
    expect(text).toContain('store.created');
  });
});

describe('a store in trouble', () => {
  it('tells in the status of a person that it tries again, and why', async () => {
    await world.add('GitLabSelfManaged');
    world.gitlab.faults.inject({
      fault: { kind: 'answer', answer: { status: 502, body: 'Bad Gateway' } },
      matches: (r) => r.method !== 'GET',
      times: Number.POSITIVE_INFINITY,
    });
    const jane = (await world.bridge.scim('POST', '/Users', person('jane'))).body.id;
    const status = await eventually(async () => {
      const found = await world.status('GitLabSelfManaged', jane);
      return found.reason ? found : undefined;
    }, 10_000);
    expect(status).toMatchObject({
      status: 'pending',
      reason: expect.stringMatching(/^failed.*, and is tried again at .*502/),
      vendor: { status: 502 },
    });
    world.gitlab.faults.clear();
    await world.settled();
    expect(await world.status('GitLabSelfManaged', jane)).toMatchObject({ status: 'synced' });
  });

  it('says so itself where it does not answer, and no more once it answers', async () => {
    await world.add('GitLabSelfManaged');
    world.gitlab.faults.inject({
      fault: { kind: 'answer', answer: { status: 503, body: { message: '503 Service Unavailable' } } },
      times: Number.POSITIVE_INFINITY,
    });
    await world.bridge.scim('POST', '/Users', person('lina'));
    const details = () => world.syncStatus('GitLabSelfManaged').then((found) => found.details);
    const [detail] = await eventually(async () => {
      const found = (await details()).filter(({ code }: { code: string }) => code === 'no_answer');
      return found.length > 0 ? found : undefined;
    }, 10_000);
    expect(detail?.message).toMatch(
      /GitLab.*\. 1 change waits; nothing is lost, and it is tried again at .*Z\.$/,
    );
    world.gitlab.faults.clear();
    await world.settled();
    expect((await details()).filter(({ code }: { code: string }) => code === 'no_answer')).toEqual([]);
  });
});
