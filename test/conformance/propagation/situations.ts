/**
 * Why somebody has, or has no, access: one sentence and seven steps for each situation that a person can be in. The
 * sentences are meant for people who know nothing of the bridge, so they are held to the letter.
 */

import type { Dialect } from '../../../src/db/open.ts';
import { eventually } from '../../bridge.ts';
import { type Connection, connect, firstConnection } from './connections.ts';
import { TIGHT } from './crowd.ts';
import { mail, STORE_TYPES, type StoreType, startWorld, type World } from './world.ts';

type Explained = {
  sentence: string;
  store: { id: string };
  steps: { step: string; outcome: string; detail: string }[];
};

const TODAY = new Date().toISOString().slice(0, 10);
const STEPS = ['directory', 'speaker', 'scope', 'match', 'plan', 'brake', 'vendor'];

const USER = ['urn:ietf:params:scim:schemas:core:2.0:User'];

/** Plays every situation on this database. */
export function playSituations(dialect: Dialect): void {
  let world: World;
  let idp: Connection;
  beforeAll(async () => {
    world = await startWorld(dialect);
    idp = await firstConnection(world);
    await idp.join('first');
    await world.bridge.admin('PATCH', `/connections/${idp.id}`, { name: 'Okta' });
    for (const type of STORE_TYPES)
      await world.add(type, { BRAKE_PERCENT: 100, PROTECTED_ACCOUNTS: ['boss*'] }, { name: NAMES[type] });
  });
  afterAll(() => world.stop());

  const NAMES: Record<StoreType, string> = { Slack: 'Slack', GitLabSelfManaged: 'GitLab', Demo: 'Lab' };
  const personOf = async (userId: string) =>
    (await world.bridge.db('users').where({ id: userId }).first('person_id')).person_id as string;
  const explain = async (userId: string, type: StoreType): Promise<Explained> => {
    const path = `/people/${await personOf(userId)}/explanation?storeId=${world.id(type)}`;
    const reply = await world.bridge.admin('GET', path);
    expect(reply.status).toBe(200);
    expect(reply.body.steps.map(({ step }: { step: string }) => step)).toEqual(STEPS);
    return reply.body;
  };
  const outcomes = ({ steps }: Explained) => steps.map(({ outcome }) => outcome).join(' ');
  const detailOf = ({ steps }: Explained, step: string) => steps.find((one) => one.step === step)?.detail;
  const active = (value: boolean) => ({ op: 'replace', value: { active: value } });
  /** No gap, no id and no programmer's word in a sentence; it ends. */
  const readable = ({ sentence, steps }: Explained) => {
    for (const text of [sentence, ...steps.map(({ detail }) => detail)]) {
      // The way to answer a question names the person.
      const told = text.replace(/people\/[0-9a-f-]+\/identity/, '');
      expect(told).not.toMatch(/undefined|null|NaN|\[object|[0-9a-f]{8}-[0-9a-f]{4}-|\s\s| ,|:\.|,\.|\.\./);
      expect(text).toMatch(/\.$/);
    }
  };
  const everywhere = async (userId: string, expected: (name: string) => Partial<Record<string, unknown>>) => {
    for (const type of STORE_TYPES) {
      const told = await explain(userId, type);
      readable(told);
      expect({ sentence: told.sentence, outcomes: outcomes(told) }).toMatchObject(expected(NAMES[type]));
    }
  };

  it('says who has access, and by which rule', async () => {
    const id = await idp.join('jane');
    await everywhere(id, (name) => ({
      sentence: `jane@acme.example has access to ${name}: Okta has jane@acme.example as active, and ${name} has no rule, so everyone is in scope.`,
      outcomes: 'yes yes yes yes yes yes yes',
    }));
    const told = await explain(id, 'Demo');
    expect(detailOf(told, 'match')).toBe(`Their account is jane Doe: the bridge made it on ${TODAY}.`);
  });

  it('says of a leaver how the loss went, deactivated or deleted', async () => {
    const id = await idp.join('kim');
    await idp.patch(`/Users/${id}`, active(false));
    await everywhere(id, (name) => ({
      sentence: `kim@acme.example has no access to ${name}: Okta deactivated kim@acme.example on ${TODAY}.`,
      outcomes: 'no yes yes yes yes yes yes',
    }));
    await idp.remove(`/Users/${id}`);
    await everywhere(id, (name) => ({
      sentence: `kim@acme.example has no access to ${name}: Okta deleted kim@acme.example on ${TODAY}.`,
      outcomes: 'no yes no yes yes yes yes',
    }));
  });

  it('says who has no account because of what they lack, or of a switch', async () => {
    const id = await idp.join('noone', { emails: [] });
    await everywhere(id, () => ({
      sentence: expect.stringMatching(/has no account on .*, but noone@acme.example has no primary email/),
      outcomes: 'yes yes yes stopped notReached notReached notReached',
    }));
  });

  it('says what is protected, and what is privileged there', async () => {
    const boss = await idp.join('boss');
    await everywhere(boss, () => ({
      sentence: expect.stringMatching(/has no account on .*PROTECTED_ACCOUNTS/),
      outcomes: 'yes yes yes stopped notReached notReached notReached',
    }));
    world.gitlab.state.addUser({ username: 'root2', email: mail('root2'), name: 'root2 Doe', isAdmin: true });
    const admin = await idp.join('root2');
    const told = await explain(admin, 'GitLabSelfManaged');
    readable(told);
    expect(told.sentence).toMatch(
      /^root2@acme.example has an account on GitLab that the bridge does not manage: .*privileged there.*\.$/,
    );
    expect(outcomes(told)).toBe('yes yes yes stopped notReached notReached notReached');
    await idp.patch(`/Users/${admin}`, active(false));
    const left = await explain(admin, 'GitLabSelfManaged');
    readable(left);
    expect(outcomes(left)).toBe('no yes yes stopped notReached stopped notReached');
  });

  it('says whom another connection keeps out, and for whom another one would speak', async () => {
    const entra = await connect(world, 'Entra');
    const first = await idp.join('sam');
    const second = await entra.join('sam');
    await everywhere(second, () => ({
      sentence: expect.stringMatching(/has no account on .*an active user of the primary connection/),
      outcomes: 'yes stopped notReached notReached notReached notReached notReached',
    }));
    expect(outcomes(await explain(first, 'Demo'))).toBe('yes yes yes yes yes yes yes');
    const trusted = await connect(world, 'Trusted', { matchPeople: true });
    const [one, other] = [await idp.join('pat'), await trusted.join('pat', { title: 'Director' })];
    await idp.patch(`/Users/${one}`, active(false));
    await idp.remove(`/Users/${one}`);
    await everywhere(other, () => ({
      sentence: expect.stringMatching(/has no access to .*Trusted speaks for pat@acme.example since/),
      outcomes: 'yes stopped notReached notReached notReached stopped notReached',
    }));
  });

  it('says of a newcomer whose account it may be', async () => {
    const gone = await idp.join('lee', { externalId: 'lee-1' });
    await idp.patch(`/Users/${gone}`, active(false));
    await idp.remove(`/Users/${gone}`);
    const newcomer = await idp.join('lee', { externalId: 'lee-2' });
    await everywhere(newcomer, () => ({
      sentence: expect.stringMatching(
        /has no account on .*, but lee@acme.example has the userName of lee@acme.example, who left on/,
      ),
      outcomes: 'yes yes yes stopped notReached stopped notReached',
    }));
    await world.bridge.admin('POST', `/people/${await personOf(newcomer)}/identity`, { sameAs: null });
    await world.settled();
    await everywhere(newcomer, () => ({
      sentence: expect.stringMatching(/who is somebody else, as .* said/),
      outcomes: 'yes yes yes stopped notReached notReached notReached',
    }));
  });

  it('says who is out of scope, with an account and without', async () => {
    const id = await idp.join('ole', { title: 'Engineer' });
    const rule = { name: 'Directors', storeId: world.id('Demo'), active: true };
    const made = await world.bridge.admin('POST', '/propagation/rules', {
      ...rule,
      populationExpression: 'title eq "Director"',
    });
    expect(made.status).toBe(201);
    await world.settled();
    expect(await explain(id, 'Demo')).toMatchObject({
      sentence: 'ole@acme.example has no access to Lab: no active rule of Lab includes them.',
    });
    expect(outcomes(await explain(id, 'Demo'))).toBe('yes yes no yes yes yes yes');
    const never = await idp.join('una');
    expect(await explain(never, 'Demo')).toMatchObject({
      sentence: 'una@acme.example has no account on Lab: no active rule of Lab includes them.',
    });
    const boss = await idp.join('dana', { title: 'Director' });
    expect(await explain(boss, 'Demo')).toMatchObject({
      sentence:
        'dana@acme.example has access to Lab: Okta has dana@acme.example as active, and the rule "Directors" includes them.',
    });
    await world.bridge.admin('DELETE', `/propagation/rules/${made.body.id}?widen=true`);
    await world.settled();
  });

  it('says what the brake holds, and what somebody decided about it', async () => {
    await world.configure('Slack', { ...TIGHT, PROTECTED_ACCOUNTS: ['boss*'] });
    const [a, b] = [await idp.join('ann'), await idp.join('bob')];
    await idp.patch(`/Users/${a}`, active(false));
    await idp.patch(`/Users/${b}`, active(false));
    const held = await explain(b, 'Slack');
    readable(held);
    expect(held.sentence).toMatch(
      /^bob@acme.example still has access to Slack: Okta deactivated bob@acme.example on .*, but whether to disable the account waits for a decision in incident 1: .*\.$/,
    );
    expect(outcomes(held)).toBe('no yes yes yes yes stopped notReached');
    await world.store('Slack', 'POST', '/held/discard', { all: true });
    await world.settled();
    const kept = await explain(b, 'Slack');
    readable(kept);
    expect(kept.sentence).toMatch(
      /^bob@acme.example still has access to Slack: .* decided that it is not done\.$/,
    );
    expect(outcomes(kept)).toBe('no yes yes yes yes stopped notReached');
    await world.configure('Slack', { BRAKE_PERCENT: 100, PROTECTED_ACCOUNTS: ['boss*'] });
  });

  it('says that a store is paused, and that its vendor refuses or is down', async () => {
    await world.store('Demo', 'POST', '/pause', {});
    expect(
      (
        await idp.scim('POST', '/Users', {
          schemas: USER,
          userName: mail('ivy'),
          emails: [{ value: mail('ivy') }],
        })
      ).status,
    ).toBe(201);
    const ivy = (
      await world.bridge
        .db('users')
        .where({ user_name: mail('ivy') })
        .first('id')
    ).id;
    const paused = await explain(ivy, 'Demo');
    readable(paused);
    expect(paused.sentence).toMatch(/^ivy@acme.example has no account on Lab: .*, but Lab is paused: .*\.$/);
    expect(outcomes(paused)).toBe('yes yes yes no yes yes stopped');
    await world.store('Demo', 'POST', '/resume', {});
    await world.settled();

    world.gitlab.faults.inject({
      fault: { kind: 'answer', answer: { status: 400, body: { message: { name: ['is too rude'] } } } },
      matches: ({ method, path }) => method === 'POST' && path.endsWith('/users'),
    });
    const rude = await idp.join('rude');
    const refused = await explain(rude, 'GitLabSelfManaged');
    readable(refused);
    expect(refused.sentence).toMatch(
      /^rude@acme.example has no account on GitLab: .*, but .*is too rude.*\.$/,
    );
    expect(outcomes(refused)).toBe('yes yes yes no yes yes no');

    world.gitlab.faults.inject({
      fault: { kind: 'answer', answer: { status: 503, body: 'down' } },
      matches: () => true,
      times: Number.POSITIVE_INFINITY,
    });
    await world.bridge.scim('POST', '/Users', {
      schemas: USER,
      userName: mail('eva'),
      emails: [{ value: mail('eva') }],
    });
    const eva = (
      await world.bridge
        .db('users')
        .where({ user_name: mail('eva') })
        .first('id')
    ).id;
    const down = await eventually(async () => {
      const told = await explain(eva, 'GitLabSelfManaged');
      return told.steps.at(-1)?.outcome === 'stopped' ? told : undefined;
    }, 10_000);
    readable(down);
    expect(down.sentence).toMatch(/^eva@acme.example has no account on GitLab: .*, but it failed.*\.$/);
    world.gitlab.faults.clear();
    await world.settled();
  });

  it('asks for a store that is there', async () => {
    const id = await personOf(await idp.join('zoe'));
    expect((await world.bridge.admin('GET', `/people/${id}/explanation`)).status).toBe(400);
    expect((await world.bridge.admin('GET', `/people/${id}/explanation?storeId=nowhere`)).status).toBe(404);
    const nobody = `/people/nobody/explanation?storeId=${world.id('Demo')}`;
    expect((await world.bridge.admin('GET', nobody)).status).toBe(404);
    await world.store('Demo', 'POST', '/deactivate', {});
    const path = `/people/${id}/explanation?storeId=${world.id('Demo')}`;
    const idle = (await world.bridge.admin('GET', path)).body;
    readable(idle);
    expect(outcomes(idle)).toBe('yes yes yes yes stopped notReached notReached');
    await world.store('Demo', 'POST', '/activate', {});
    await world.settled();
  });

  it('answers a sync that waits with how it ended, and with 202 where it has not', async () => {
    const id = await personOf(await idp.join('tom'));
    const { status, body } = await world.bridge.admin('POST', `/people/${id}/sync?wait=true`);
    expect(status).toBe(200);
    expect(body.settled).toBe(true);
    expect(body._embedded.explanations.map(({ store }: Explained) => store.id).sort()).toEqual(
      STORE_TYPES.map((type) => world.id(type)).sort(),
    );
    expect(body._embedded.explanations[0].sentence).toMatch(/^tom@acme.example has access to /);
    await world.store('Demo', 'POST', '/pause', {});
    const waits = await world.bridge.admin('POST', `/people/${id}/sync?wait=true`);
    expect(waits).toMatchObject({ status: 202, body: { id } });
    await world.store('Demo', 'POST', '/resume', {});
    await world.settled();
    expect((await world.bridge.admin('POST', `/people/${id}/sync?wait=perhaps`)).status).toBe(400);
  });
}
