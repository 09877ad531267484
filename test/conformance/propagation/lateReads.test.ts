/** A vendor shows late what the bridge has just written: nobody stays shut out for it. */

import { patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { startWorld, type World } from './world.ts';

let world: World;
afterEach(() => world.stop());

const setActive = (id: string, active: boolean) =>
  world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active } }));

it('enables whoever is back, where GitLab still shows the account as it was before the bridge blocked it', async () => {
  world = await startWorld(PLAYED[0]);
  await world.add('GitLabSelfManaged');
  const id = await world.join('jane');
  await world.settled();
  const account = await world.account('GitLabSelfManaged', 'jane');
  const path = `/api/v4/users/${account?.id}`;
  const asked = { method: 'GET', path, query: new URLSearchParams(), body: null };
  const headers = { 'private-token': world.gitlab.adminToken };
  const answer = world.gitlab.handle({ ...asked, headers });
  expect(answer).toMatchObject({ status: 200, body: { state: 'active' } });

  await setActive(id, false);
  await world.settled();
  expect(await world.account('GitLabSelfManaged', 'jane')).toMatchObject({ enabled: false });
  world.gitlab.faults.inject({
    fault: { kind: 'answer', answer },
    matches: (request) => request.method === 'GET' && request.path === path,
    times: 2,
  });
  await setActive(id, true);
  await world.settled();
  expect(await world.account('GitLabSelfManaged', 'jane')).toMatchObject({ enabled: true });
  expect(await world.status('GitLabSelfManaged', id)).toMatchObject({ status: 'synced' });
}, 30_000);
