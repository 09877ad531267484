/** A further connection of the environment, as another identity provider sees it. */

import { patch, person, type Reply } from '../../bridge.ts';
import { groupBody, type World } from './world.ts';

type Json = Record<string, unknown>;

export interface Connection {
  readonly id: string;
  /** As this identity provider asks. */
  scim(method: string, path: string, body?: unknown): Promise<Reply>;
  /** Posts `person(name)` and waits; answers the SCIM id. */
  join(name: string, more?: Json): Promise<string>;
  group(name: string, memberIds: readonly string[]): Promise<string>;
  patch(path: string, ...operations: readonly unknown[]): Promise<void>;
  remove(path: string): Promise<void>;
}

export async function connect(world: World, name: string, settings: Json = {}): Promise<Connection> {
  const { bridge } = world;
  const made = await bridge.admin('POST', '/connections', { name, strategy: 'scim', ...settings });
  const { id } = expectStatus(made, 201).body;
  const tokens = `/connections/${id}/scim-configuration/tokens`;
  const { token } = expectStatus(await bridge.admin('POST', tokens, {}), 201).body;
  return speakAs(world, id, (method, path, body) => bridge.scimWith(token, method, path, body));
}

/** The connection that the first start made, and whose token the world pushes with. */
export async function firstConnection(world: World): Promise<Connection> {
  const list = await world.bridge.admin('GET', '/connections');
  return speakAs(world, list.body._embedded.connections[0].id, world.bridge.scim);
}

function speakAs(world: World, id: string, scim: Connection['scim']): Connection {
  const settled = async (reply: Reply, ...expected: readonly number[]) => {
    expectStatus(reply, ...expected);
    await world.settled();
    return reply.body;
  };
  return {
    id,
    scim,
    join: async (name, more = {}) =>
      (await settled(await scim('POST', '/Users', person(name, more)), 201)).id,
    group: async (name, memberIds) =>
      (await settled(await scim('POST', '/Groups', groupBody(name, memberIds)), 201)).id,
    async patch(path, ...operations) {
      await settled(await scim('PATCH', path, patch(...operations)), 200, 204);
    },
    async remove(path) {
      await settled(await scim('DELETE', path), 204);
    },
  };
}

function expectStatus(reply: Reply, ...expected: readonly number[]): Reply {
  if (expected.includes(reply.status)) return reply;
  throw new Error(`answered ${reply.status}: ${JSON.stringify(reply.body)}`);
}
