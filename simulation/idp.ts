/** The identity provider of a history: writes people and groups through the real use cases, and tells the model. */

import { DEFAULT_ENVIRONMENT_ID } from '../src/db/identity/environments.ts';
import { changeGroup, createGroup, deleteGroup, type GroupEdit } from '../src/directory/groups.ts';
import { changeUser, createUser, deleteUser } from '../src/directory/users.ts';
import type { Resource } from '../src/model/resource.ts';
import { type GroupStanding, type Human, type ScimGroup, type Standing, Timeline } from './model.ts';
import type { World } from './world.ts';

export class IdentityProvider {
  readonly #world: World;
  /** The live SCIM group in each slot. */
  readonly slots = new Map<number, ScimGroup>();
  #names = 0;

  constructor(world: World) {
    this.#world = world;
  }

  readdress(human: Human | undefined): Promise<void> {
    this.#names += 1;
    return this.changePerson(human, { email: `h${human?.index}.${this.#names}@acme.example` });
  }

  renameGroup(slot: number): Promise<void> {
    this.#names += 1;
    return this.changeGroup(slot, { name: `group${slot}.${this.#names}` });
  }

  async hire(human: Human | undefined): Promise<void> {
    if (!human || human.userId !== null) return;
    const before = human.standing.now;
    const name = `h${human.index}`;
    const standing: Standing = before
      ? { ...before, lifecycle: 'active' }
      : {
          lifecycle: 'active',
          userName: `${name}@acme.example`,
          // One of them has the identifier of the account behind the credential.
          email: human.index === 3 ? 'bridge@acme.example' : `${name}@acme.example`,
          displayName: name.toUpperCase(),
          title: '',
        };
    const write = this.#write('POST', '/Users');
    const user = await createUser(this.#directory(), write, resourceOf(human, standing));
    human.userId = user.id;
    human.personId = user.personId;
    this.#moved(human, standing);
  }

  comeBack(human: Human | undefined): Promise<void> {
    if (human?.userId === null) return this.hire(human);
    return this.changePerson(human, { lifecycle: 'active' });
  }

  async changePerson(human: Human | undefined, change: Partial<Standing>): Promise<void> {
    const before = human?.standing.now;
    if (!human?.userId || !before) return;
    const standing = { ...before, ...change };
    await changeUser(this.#directory(), this.#write('PUT', `/Users/${human.userId}`), human.userId, {
      precondition: null,
      edit: () => resourceOf(human, standing),
    });
    this.#moved(human, standing);
  }

  async remove(human: Human | undefined): Promise<void> {
    const before = human?.standing.now;
    if (!human?.userId || !before) return;
    await deleteUser(this.#directory(), this.#write('DELETE', `/Users/${human.userId}`), human.userId, null);
    human.userId = null;
    const tick = this.#moved(human, { ...before, lifecycle: 'gone' });
    for (const group of this.slots.values()) {
      const now = group.standing.now;
      if (!now?.members.has(human.index)) continue;
      group.standing.set(tick, { ...now, members: without(now.members, human.index) });
    }
  }

  /** What was approved for the person before was for another wish of the directory. */
  #moved(human: Human, standing: Standing): number {
    const { model, stores } = this.#world;
    const tick = model.changed();
    human.standing.set(tick, standing);
    for (const { guard } of stores) {
      for (const key of guard.approved) if (key.includes(human.personId ?? '-')) guard.approved.delete(key);
    }
    return tick;
  }

  async makeGroup(slot: number, members: readonly number[]): Promise<void> {
    if (this.slots.has(slot)) return;
    const standing: GroupStanding = {
      live: true,
      name: `group${slot}`,
      members: new Set(members.filter((who) => this.#world.model.humans[who]?.userId)),
    };
    const created = await createGroup(
      this.#directory(),
      this.#write('POST', '/Groups'),
      { displayName: standing.name },
      this.#userIds(standing.members),
    );
    const group: ScimGroup = { id: created.id, standing: new Timeline() };
    this.slots.set(slot, group);
    this.#world.model.groups.set(group.id, group);
    this.#groupMoved(group, standing);
  }

  async changeGroup(
    slot: number,
    change: { name?: string; members?: (now: ReadonlySet<number>) => ReadonlySet<number> },
  ): Promise<void> {
    const group = this.slots.get(slot);
    const before = group?.standing.now;
    if (!group || !before) return;
    const wanted = change.members?.(before.members) ?? before.members;
    const members = new Set([...wanted].filter((who) => this.#world.model.humans[who]?.userId));
    const standing = { live: true, name: change.name ?? before.name, members };
    const edit: GroupEdit = {
      resource: { displayName: standing.name },
      members: [{ op: 'replace', ids: this.#userIds(members) }],
    };
    await changeGroup(this.#directory(), this.#write('PUT', `/Groups/${group.id}`), group.id, {
      precondition: null,
      edit: () => edit,
    });
    this.#groupMoved(group, standing);
  }

  async deleteGroup(slot: number): Promise<void> {
    const group = this.slots.get(slot);
    const before = group?.standing.now;
    if (!group || !before) return;
    await deleteGroup(this.#directory(), this.#write('DELETE', `/Groups/${group.id}`), group.id, null);
    this.slots.delete(slot);
    this.#groupMoved(group, { ...before, live: false, members: new Set() });
  }

  #groupMoved(group: ScimGroup, standing: GroupStanding): void {
    group.standing.set(this.#world.model.changed(), standing);
  }

  #userIds(members: ReadonlySet<number>): string[] {
    return [...members].flatMap((who) => this.#world.model.humans[who]?.userId ?? []);
  }

  #directory() {
    const { deps } = this.#world.anyReplica();
    return { db: deps.db, clock: deps.clock, wake: deps.wake };
  }

  #write(method: string, path: string) {
    return {
      environmentId: DEFAULT_ENVIRONMENT_ID,
      connectionId: this.#world.connectionId,
      cause: this.#world.cause('scim'),
      origin: { kind: 'request', method, path } as const,
    };
  }
}

function resourceOf(human: Human, standing: Standing): Resource {
  return {
    externalId: `x${human.index}`,
    userName: standing.userName,
    displayName: standing.displayName,
    ...(standing.title === '' ? {} : { title: standing.title }),
    emails: [{ value: standing.email, type: 'work', primary: true }],
    active: standing.lifecycle === 'active',
  };
}

function without(members: ReadonlySet<number>, who: number): ReadonlySet<number> {
  return new Set([...members].filter((member) => member !== who));
}
