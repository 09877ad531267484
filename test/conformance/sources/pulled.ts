/** A bridge with one connection that is pulled, as an admin drives it: over HTTP alone. */

import { eventually, type RunningBridge } from '../../bridge.ts';

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the tests say what it must be
type Json = any;

const ENDED = ['DONE', 'PARTIAL', 'HELD', 'FAILED'];
const WITHIN_MS = 30_000;

export class Pulled {
  readonly bridge: RunningBridge;
  readonly path: string;
  readonly #withinMs: number;

  constructor(bridge: RunningBridge, id: string, withinMs = WITHIN_MS) {
    this.bridge = bridge;
    this.#withinMs = withinMs;
    this.path = `/connections/${id}`;
  }

  /** `withinMs`: how long a run may take. */
  static async make(bridge: RunningBridge, body: object, withinMs?: number): Promise<Pulled> {
    const made = await bridge.admin('POST', '/connections', body);
    if (made.status !== 201) throw new Error(JSON.stringify(made.body));
    return new Pulled(bridge, made.body.id, withinMs);
  }

  async read(): Promise<Json> {
    return (await this.bridge.admin('GET', this.path)).body;
  }

  /** The first full sync, done. */
  async activate(): Promise<Json> {
    const run = await this.bridge.admin('POST', `${this.path}/activate?apply=true`);
    if (run.status !== 202) throw new Error(JSON.stringify(run.body));
    return this.ended(run.body.id);
  }

  async sync(body: object = {}): Promise<Json> {
    const run = await this.bridge.admin('POST', `${this.path}/syncs`, body);
    if (run.status !== 202) throw new Error(JSON.stringify(run.body));
    return this.ended(run.body.id);
  }

  async ended(id: string): Promise<Json> {
    const look = async () => {
      const { body } = await this.bridge.admin('GET', `${this.path}/syncs/${id}`);
      return ENDED.includes(body.state) ? body : undefined;
    };
    return eventually(look, this.#withinMs, async () =>
      JSON.stringify(await this.bridge.admin('GET', `${this.path}/syncs/${id}`)),
    );
  }

  async changes(id: string): Promise<Json[]> {
    const { body } = await this.bridge.admin('GET', `${this.path}/syncs/${id}/changes?limit=1000`);
    return body._embedded.changes;
  }

  /** By userName, whether each is active. */
  async people(): Promise<Record<string, boolean>> {
    const { body } = await this.bridge.admin('GET', '/users?limit=1000');
    return Object.fromEntries(body._embedded.users.map((one: Json) => [one.userName, one.active]));
  }

  /** By name, the userNames of the members. */
  async groups(): Promise<Record<string, string[]>> {
    const rows: { name: string; member: string | null }[] = await this.bridge
      .db('groups as g')
      .leftJoin('group_members as m', 'm.group_id', 'g.id')
      .leftJoin('users as u', 'u.id', 'm.user_id')
      .whereNull('g.deleted_at')
      .select({ name: 'g.display_name', member: 'u.user_name' });
    const found: Record<string, string[]> = {};
    for (const { name, member } of rows) {
      found[name] ??= [];
      if (member !== null) found[name].push(member);
    }
    for (const members of Object.values(found)) members.sort();
    return found;
  }
}
