/**
 * An identity provider with a few people and groups: it writes them over SCIM, remembers what it was told,
 * and says how Slack and GitLab must stand once everything is settled. It knows nothing of the bridge's
 * insides, so it can judge them.
 */

import { patch, person, type Reply } from '../bridge.ts';
import type { GitLabEmulator } from '../emulator/gitlab.ts';
import type { SlackEmulator } from '../emulator/slack.ts';

export type Scim = (method: string, path: string, body?: unknown) => Promise<Reply>;

interface Person {
  readonly id: string;
  readonly name: string;
  title: string;
  state: 'active' | 'inactive' | 'deleted';
}

interface Group {
  readonly id: string;
  name: string;
  readonly members: Set<string>;
}

/** `[address, state, title]`, sorted; an account that is there twice is listed twice. */
type Accounts = readonly (readonly [string, 'active' | 'off', string])[];
/** `[name, addresses of its active members]`, sorted. */
type Groups = readonly (readonly [string, readonly string[]])[];

export interface Standing {
  readonly accounts: Accounts;
  readonly groups: Groups;
}

export interface Company {
  hire(name: string, title?: string): Promise<void>;
  retitle(name: string, title: string): Promise<void>;
  setActive(name: string, active: boolean): Promise<void>;
  /** Deletes the user. */
  dismiss(name: string): Promise<void>;
  addGroup(name: string, members?: readonly string[]): Promise<void>;
  renameGroup(name: string, to: string): Promise<void>;
  deleteGroup(name: string): Promise<void>;
  join(name: string, group: string): Promise<void>;
  part(name: string, group: string): Promise<void>;
  /** Replaces the members, as a group push does. */
  push(group: string, members: readonly string[]): Promise<void>;
  stateOf(name: string): Person['state'];
  /** The directory has the person as it was last told; throws where it does not. */
  checkPerson(name: string): Promise<void>;
  /** The same of everybody and every group. */
  checkDirectory(): Promise<void>;
  idOf(name: string): string;
  readonly names: readonly string[];
  /** How a store must stand. Groups that were deleted stay there, without the bridge's members, unless `withoutDeleted`. */
  wanted(): Standing;
}

export const emailOf = (name: string) => `${name}@acme.example`;

/** `scim` must be answered in the end; it may have been tried several times. */
export function createCompany(scim: Scim): Company {
  const people = new Map<string, Person>();
  const groups = new Map<string, Group>();
  const known = <T>(map: Map<string, T>, name: string): T => {
    const found = map.get(name);
    if (!found) throw new Error(`the company has no ${name}`);
    return found;
  };
  const send = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const reply = await scim(method, path, body);
    if (reply.status > 299) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
    return reply;
  };
  const change = (kind: 'Users' | 'Groups', id: string, ...operations: unknown[]) =>
    send('PATCH', `/${kind}/${id}`, patch(...operations));

  return {
    async hire(name, title = 'Joiner') {
      const { body } = await send('POST', '/Users', person(name, { title }));
      people.set(name, { id: body.id, name, title, state: 'active' });
    },
    async retitle(name, title) {
      const who = known(people, name);
      await change('Users', who.id, { op: 'replace', path: 'title', value: title });
      who.title = title;
    },
    async setActive(name, active) {
      const who = known(people, name);
      await change('Users', who.id, { op: 'replace', value: { active } });
      who.state = active ? 'active' : 'inactive';
    },
    async dismiss(name) {
      const who = known(people, name);
      await send('DELETE', `/Users/${who.id}`);
      who.state = 'deleted';
      for (const group of groups.values()) group.members.delete(name);
    },
    async addGroup(name, members = []) {
      const { body } = await send('POST', '/Groups', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
        displayName: name,
        members: members.map((member) => ({ value: known(people, member).id })),
      });
      groups.set(name, { id: body.id, name, members: new Set(members) });
    },
    async renameGroup(name, to) {
      const group = known(groups, name);
      await change('Groups', group.id, { op: 'replace', path: 'displayName', value: to });
      group.name = to;
    },
    async deleteGroup(name) {
      await send('DELETE', `/Groups/${known(groups, name).id}`);
      groups.delete(name);
    },
    async join(name, groupName) {
      const group = known(groups, groupName);
      const value = [{ value: known(people, name).id }];
      await change('Groups', group.id, { op: 'add', path: 'members', value });
      group.members.add(name);
    },
    async part(name, groupName) {
      const group = known(groups, groupName);
      const path = `members[value eq "${known(people, name).id}"]`;
      await change('Groups', group.id, { op: 'remove', path });
      group.members.delete(name);
    },
    async push(name, members) {
      const group = known(groups, name);
      const value = members.map((member) => ({ value: known(people, member).id }));
      await change('Groups', group.id, { op: 'replace', path: 'members', value });
      group.members.clear();
      for (const member of members) group.members.add(member);
    },
    stateOf: (name) => known(people, name).state,
    async checkPerson(name) {
      const { id, title, state } = known(people, name);
      const { status, body } = await scim('GET', `/Users/${id}`);
      const found = status === 404 ? 'deleted' : { title: body.title, active: body.active };
      expect([name, found]).toEqual([
        name,
        state === 'deleted' ? 'deleted' : { title, active: state === 'active' },
      ]);
    },
    async checkDirectory() {
      for (const name of people.keys()) await this.checkPerson(name);
      for (const { id, members } of groups.values()) {
        const { body } = await scim('GET', `/Groups/${id}`);
        const ids = ((body.members ?? []) as { value: string }[]).map(({ value }) => value);
        expect(ids.sort()).toEqual([...members].map((member) => known(people, member).id).sort());
      }
    },
    idOf: (name) => known(people, name).id,
    get names() {
      return [...people.keys()];
    },
    wanted() {
      const isActive = (name: string) => people.get(name)?.state === 'active';
      return {
        accounts: [...people.values()]
          .map(
            ({ name, title, state }) =>
              [emailOf(name), state === 'active' ? 'active' : 'off', title] as const,
          )
          .sort(),
        groups: [...groups.values()]
          .map(({ name, members }) => [name, [...members].filter(isActive).map(emailOf).sort()] as const)
          .sort(),
      };
    },
  };
}

/** Without the workspace's owner. */
export function slackStanding(slack: SlackEmulator): Standing {
  const addressOf = (id: string) => slack.users.get(id)?.emails[0]?.value ?? id;
  return {
    accounts: [...slack.users.values()]
      .filter(({ id }) => id !== slack.owner.id)
      .map(
        ({ id, active, profile }) => [addressOf(id), active ? 'active' : 'off', profile.title ?? ''] as const,
      )
      .sort(),
    groups: [...slack.groups.values()]
      .map(({ displayName, members }) => [displayName, [...members].map(addressOf).sort()] as const)
      .sort(),
  };
}

/**
 * Without GitLab's own accounts, and without the administrator, who owns what the bridge makes. A blocked
 * account keeps its memberships, which give nothing.
 */
export function gitlabStanding(gitlab: GitLabEmulator): Standing {
  const { users, groups, members } = gitlab.state;
  const active = (id: number) => users.get(id)?.state === 'active' && !users.get(id)?.isAdmin;
  return {
    accounts: [...users.values()]
      .filter(({ isAdmin, internal }) => !isAdmin && !internal)
      .map(
        ({ email, state, profile }) =>
          [email, state === 'active' ? 'active' : 'off', profile.bio ?? ''] as const,
      )
      .sort(),
    groups: [...groups.values()]
      .map(({ id, path }) => {
        const ids = [...(members.get(id)?.keys() ?? [])].filter(active);
        return [path, ids.map((userId) => users.get(userId)?.email ?? String(userId)).sort()] as const;
      })
      .sort(),
  };
}
