/**
 * People whom a rule, a title or a group takes out of scope: no request says that they leave, and while the store
 * refuses or does not answer they are open leavers like any other.
 */

import { eventually, patch } from '../../bridge.ts';
import { startWorld, type VENDORS, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

type Vendor = (typeof VENDORS)[number];

/** Whatever changes an account, or all that is asked. */
function breakVendor(type: Vendor, what: 'writes' | 'everything'): void {
  const server = type === 'Slack' ? world.slack : world.gitlab;
  server.faults.inject({
    fault: { kind: 'answer', answer: { status: 503, body: 'no healthy upstream' } },
    matches: ({ method }) => what === 'everything' || method !== 'GET',
    times: Number.POSITIVE_INFINITY,
  });
}

function mend(): void {
  world.slack.faults.clear();
  world.gitlab.faults.clear();
}

const openLeavers = async (type: Vendor) =>
  (await world.syncStatus(type)).openLeavers as { subject: { display: string } }[];

const listed = (type: Vendor) =>
  eventually(async () => ((await openLeavers(type)).length > 0 ? true : undefined), 15_000);

describe.each([
  ['Slack', 'sqlite', 'writes'],
  ['Slack', 'postgres', 'everything'],
  ['GitLabSelfManaged', 'postgres', 'writes'],
  ['GitLabSelfManaged', 'sqlite', 'everything'],
] as const)('%s on %s, where %s fail', (type, dialect, what) => {
  beforeEach(async () => {
    world = await startWorld(dialect);
    await world.add(type, {});
    const storeId = world.id(type);
    const rule = { storeId, name: 'Pilots', active: true, populationExpression: 'title eq "Pilot"' };
    expect((await world.bridge.admin('POST', '/propagation/rules', rule)).status).toBe(201);
  });

  it('lists who lost the title that a rule asks for, until it is done', async () => {
    const jane = await world.join('jane', { title: 'Pilot' });
    breakVendor(type, what);
    await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { title: 'Cook' } }));
    await listed(type);
    expect(await openLeavers(type)).toMatchObject([{ subject: { display: 'jane@acme.example' } }]);
    mend();
    await world.settled();
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    expect(await openLeavers(type)).toEqual([]);
  });

  it('still lists who is back in the directory, and out of scope there', async () => {
    const jane = await world.join('jane', { title: 'Pilot' });
    breakVendor(type, what);
    await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { active: false } }));
    await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { title: 'Cook' } }));
    await world.bridge.scim('PATCH', `/Users/${jane}`, patch({ op: 'replace', value: { active: true } }));
    await listed(type);
    mend();
    await world.settled();
    expect(await world.account(type, 'jane')).toMatchObject({ enabled: false });
    expect(await openLeavers(type)).toEqual([]);
  });
});
