/** The identity provider of a history: pushes people and groups over SCIM, and tells the model. */

import { readKey } from '../judges/changeKeys.ts';
import { isEnd } from '../judges/decisions.ts';
import { type GroupStanding, type Human, type ScimGroup, type Standing, Timeline } from '../judges/model.ts';
import type { Question, Reply } from '../machine/ask.ts';
import { ConnectionReset } from '../machine/replica.ts';
import { OWN_EMAIL, type World } from '../machine/world.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** How soon it asks again after a process died with its request. */
const AGAIN_MS = 2_000;

type Operation = {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
};

export class IdentityProvider {
  readonly #world: World;
  /** The live SCIM group in each slot. */
  readonly slots = new Map<number, ScimGroup>();
  #names = 0;

  constructor(world: World) {
    this.#world = world;
  }

  readdress(human: Human | undefined, to?: string): Promise<void> {
    this.#names += 1;
    return this.changePerson(human, { email: to ?? `h${human?.index}.${this.#names}@acme.example` });
  }

  /** Acts like a mistake in a mapping: one request for each person, without waiting for stores. */
  async rewrite(what: 'email' | 'userName', people: readonly number[]): Promise<void> {
    this.#names += 1;
    for (const who of people)
      await this.changePerson(this.#world.model.humans[who], {
        [what]: `h${who}n${this.#names}@acme.example`,
      });
  }

  /** Swaps two names through a free one, while both people exist. */
  async swapNames(one: Human | undefined, other: Human | undefined): Promise<void> {
    const [first, second] = [one?.standing.now?.userName, other?.standing.now?.userName];
    if (!one?.userId || !other?.userId || !first || !second || one === other) return;
    this.#names += 1;
    await this.changePerson(one, { userName: `interim${this.#names}@acme.example` });
    await this.changePerson(other, { userName: first });
    await this.changePerson(one, { userName: second });
  }

  renameGroup(slot: number): Promise<void> {
    this.#names += 1;
    return this.#changeGroup(slot, { name: `group${slot}.${this.#names}` });
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
          email: human.index === 3 ? OWN_EMAIL : `${name}@acme.example`,
          displayName: name.toUpperCase(),
          title: '',
        };
    await this.#moves(human, standing, async () => {
      const made = await this.#make('/Users', userOf(human, standing), `userName eq "${standing.userName}"`);
      if (made === null) return false;
      human.userId = made;
      const user = await this.#world.admin('GET', `/users/${made}`);
      human.personId = user.body.person?.id ?? user.body.personId;
      return true;
    });
  }

  comeBack(human: Human | undefined): Promise<void> {
    if (human?.userId === null) return this.hire(human);
    return this.changePerson(human, { lifecycle: 'active' });
  }

  async changePerson(human: Human | undefined, change: Partial<Standing>): Promise<void> {
    const before = human?.standing.now;
    if (!human?.userId || !before) return;
    const standing = { ...before, ...change };
    const path = `/Users/${human.userId}`;
    const { lifecycle } = change;
    const operation: Operation = { op: 'replace', path: 'active', value: lifecycle === 'active' };
    const patches = lifecycle !== undefined && this.#world.random.chance(0.5);
    await this.#moves(human, standing, () =>
      patches
        ? this.#done('PATCH', path, patchOf([operation]))
        : this.#done('PUT', path, userOf(human, standing)),
    );
  }

  /** A deleted person leaves every group. */
  async remove(human: Human | undefined): Promise<void> {
    const before = human?.standing.now;
    if (!human?.userId || !before) return;
    const path = `/Users/${human.userId}`;
    const left = [...this.slots.values()].filter(({ standing }) => standing.now?.members.has(human.index));
    await this.#moves(human, { ...before, lifecycle: 'gone' }, async () => {
      const { tick } = this.#world.model;
      for (const { standing } of left) {
        const now = standing.now as GroupStanding;
        standing.set(tick, { ...now, members: without(now.members, human.index) });
      }
      const done = await this.#done('DELETE', path);
      if (done) human.userId = null;
      else for (const { standing } of left) standing.withdraw(tick);
      return done;
    });
  }

  /**
   * When a store sees the person come or leave, an approval of their loss ends: it was for another wish of the
   * directory.
   */
  async #moves(human: Human, standing: Standing, ask: () => Promise<boolean>): Promise<void> {
    const { model, stores } = this.#world;
    const before = stores.map(({ guard }) => guard.records.sight.person(human)?.lifecycle);
    await model.change(human.standing, standing, ask);
    for (const [index, { guard }] of stores.entries()) {
      const { decisions, sight } = guard.records;
      // A person out of scope is gone for the store already.
      const lifecycle = sight.person(human)?.lifecycle;
      if (lifecycle === before[index]) continue;
      for (const key of decisions.approved) {
        const { op, subjectId } = readKey(key);
        if (lifecycle !== 'active' && decisions.applied.has(key)) continue;
        if (subjectId === human.personId && isEnd(op)) decisions.callOff(key);
      }
    }
  }

  async makeGroup(slot: number, members: readonly number[]): Promise<void> {
    if (this.slots.has(slot)) return;
    const { model } = this.#world;
    const standing = { live: true, name: `group${slot}`, members: this.#present(new Set(members)) };
    const group: ScimGroup = { id: '', standing: new Timeline() };
    model.groups.push(group);
    await model.change(group.standing, standing, async () => {
      const filter = `displayName eq "${standing.name}"`;
      const made = await this.#make('/Groups', this.#groupOf(standing), filter);
      if (made === null) return false;
      group.id = made;
      this.slots.set(slot, group);
      return true;
    });
  }

  pushGroup(slot: number, members: readonly number[]): Promise<void> {
    return this.#changeGroup(slot, { members: new Set(members) });
  }

  /** Adds or removes one member, as some providers do. */
  async changeMember(slot: number, who: number, isMember: boolean): Promise<void> {
    const now = this.slots.get(slot)?.standing.now;
    const userId = this.#world.model.humans[who]?.userId;
    if (!now || (isMember && !userId)) return;
    const members = isMember ? new Set([...now.members, who]) : without(now.members, who);
    const operation: Operation = isMember
      ? { op: 'add', path: 'members', value: [{ value: userId }] }
      : { op: 'remove', path: `members[value eq "${userId}"]` };
    const patches = userId !== null && this.#world.random.chance(0.5);
    await this.#changeGroup(slot, { members }, patches ? [operation] : undefined);
  }

  async #changeGroup(
    slot: number,
    change: { readonly name?: string; readonly members?: ReadonlySet<number> },
    operations?: readonly Operation[],
  ): Promise<void> {
    const group = this.slots.get(slot);
    const before = group?.standing.now;
    if (!group || !before) return;
    const members = this.#present(change.members ?? before.members);
    const standing = { live: true, name: change.name ?? before.name, members };
    const path = `/Groups/${group.id}`;
    await this.#world.model.change(group.standing, standing, () =>
      operations
        ? this.#done('PATCH', path, patchOf(operations))
        : this.#done('PUT', path, this.#groupOf(standing)),
    );
  }

  async deleteGroup(slot: number): Promise<void> {
    const group = this.slots.get(slot);
    const before = group?.standing.now;
    if (!group || !before) return;
    const gone = { ...before, live: false, members: new Set<number>() };
    const path = `/Groups/${group.id}`;
    if (await this.#world.model.change(group.standing, gone, () => this.#done('DELETE', path))) {
      this.slots.delete(slot);
    }
  }

  #present(members: ReadonlySet<number>): ReadonlySet<number> {
    return new Set([...members].filter((who) => this.#world.model.humans[who]?.userId));
  }

  #groupOf({ name, members }: GroupStanding) {
    const ids = [...members].map((who) => ({ value: this.#world.model.humans[who]?.userId }));
    return { schemas: [GROUP], displayName: name, members: ids };
  }

  /** The id; null where the bridge refused. A repeated request may find the resource there already. */
  async #make(path: string, body: object, filter: string): Promise<string | null> {
    const { reply, again } = await this.#ask('POST', path, body, filter);
    if (reply.status === 201) return reply.body.id;
    return again && reply.status === 200 ? reply.body.Resources[0].id : null;
  }

  /** Whether the bridge did it. If the resource is gone, the request without an answer had deleted it. */
  async #done(method: Question['method'], path: string, body?: object): Promise<boolean> {
    const { reply, again } = await this.#ask(method, path, body);
    return reply.status < 300 || (again && method === 'DELETE' && reply.status === 404);
  }

  async #ask(
    method: Question['method'],
    path: string,
    body?: object,
    filter?: string,
  ): Promise<{ readonly reply: Reply; readonly again: boolean }> {
    for (let again = false; ; again = true) {
      try {
        if (again && filter !== undefined) {
          const found = await this.#world.scim('GET', `${path}?filter=${encodeURIComponent(filter)}`);
          if (found.body.totalResults > 0) return { reply: found, again };
        }
        return { reply: await this.#world.scim(method, path, body), again };
      } catch (error) {
        if (!(error instanceof ConnectionReset)) throw error;
        await this.#world.sleep(AGAIN_MS);
      }
    }
  }
}

function userOf(human: Human, standing: Standing) {
  return {
    schemas: [USER],
    externalId: `x${human.index}`,
    userName: standing.userName,
    displayName: standing.displayName,
    ...(standing.title === '' ? {} : { title: standing.title }),
    emails: [{ value: standing.email, type: 'work', primary: true }],
    active: standing.lifecycle === 'active',
  };
}

function patchOf(operations: readonly Operation[]) {
  return { schemas: [PATCH], Operations: operations };
}

function without(members: ReadonlySet<number>, who: number): ReadonlySet<number> {
  return new Set([...members].filter((member) => member !== who));
}
