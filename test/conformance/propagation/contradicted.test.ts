/** An answer in Slack's own shape that shows the contrary of what was asked for confirms nothing. */

import { eventually, patch } from '../../bridge.ts';
import { mail, startWorld, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

/** Once, in the place of what Slack would have done. */
function answers(method: string, path: string, resource: Record<string, unknown>): void {
  world.slack.faults.inject({
    matches: (request) => request.method === method && request.path.endsWith(path),
    fault: { kind: 'answer', answer: { status: 200, body: resource } },
  });
}

function shown(name: string, active: boolean) {
  const user = [...world.slack.users.values()].find(({ emails }) => emails[0]?.value === mail(name));
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  return { schemas, id: user?.id, userName: user?.userName, active };
}

it('owes a disabling, a return and a removal until Slack shows them, or a look does', async () => {
  world = await startWorld();
  await world.add('Slack');
  const [ann, bob] = [await world.join('ann'), await world.join('bob')];
  const group = await world.group('pilots', [ann, bob]);
  const isEnabled = async () => (await world.account('Slack', 'ann'))?.enabled;
  const set = (active: boolean) =>
    world.bridge.scim('PATCH', `/Users/${ann}`, patch({ op: 'replace', value: { active } }));
  const { id } = shown('ann', true);

  answers('DELETE', `/Users/${id}`, shown('ann', true));
  await set(false);
  await eventually(async () => (await isEnabled()) === false || undefined, 10_000);
  await world.settled();

  answers('PATCH', `/Users/${id}`, shown('ann', false));
  await set(true);
  await eventually(async () => (await isEnabled()) === true || undefined, 10_000);
  await world.settled();

  const [remote] = world.slack.groups.values();
  const members = [...(remote?.members ?? [])].map((value) => ({ value }));
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
  answers('PATCH', `/Groups/${remote?.id}`, { schemas, id: remote?.id, displayName: 'pilots', members });
  const remove = patch({ op: 'remove', path: `members[value eq "${ann}"]` });
  await world.bridge.scim('PATCH', `/Groups/${group}`, remove);
  await eventually(
    async () => (await world.members('Slack', 'pilots'))?.includes('ann') === false || undefined,
    10_000,
  );
});
