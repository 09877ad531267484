/** Many people in a world at once: who of them joins, leaves, and is held by the brake. */

import { patch } from '../../bridge.ts';
import { mail, type StoreType, type World } from './world.ts';

export type Held = { id: string; subject: { kind: string; id: string; display: string }; reason: string };

/** Trips the brake with few people: one may lose something, the next is held. */
export const TIGHT = { BRAKE_MIN: 1, BRAKE_PERCENT: 0 };

/** `world` gives the one of the test that is running. */
export function crowdIn(world: () => World) {
  async function joinMany(count: number, prefix = 'p'): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      const reply = await world().bridge.scim('POST', '/Users', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        userName: mail(`${prefix}${n}`),
        displayName: `${prefix}${n} Doe`,
        emails: [{ value: mail(`${prefix}${n}`), type: 'work', primary: true }],
        active: true,
      });
      expect(reply.status).toBe(201);
      ids.push(reply.body.id);
    }
    await world().settled();
    await world().forget();
    return ids;
  }

  async function deactivate(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const reply = await world().bridge.scim(
        'PATCH',
        `/Users/${id}`,
        patch({ op: 'replace', value: { active: false } }),
      );
      expect(reply).toMatchObject({ status: 200, body: { active: false } });
    }
    await world().settled();
  }

  async function held(type: StoreType): Promise<readonly Held[]> {
    const reply = await world().store(type, 'GET', '/held?limit=100');
    expect(reply.body.count).toBe(reply.body._embedded.held.length);
    return reply.body._embedded.held;
  }

  const disables = async (type: StoreType) =>
    (await world().writes(type)).filter((word) => word === 'disable').length;

  const statuses = async (type: StoreType, ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await world().status(type, id)).status));

  return { joinMany, deactivate, held, disables, statuses };
}
