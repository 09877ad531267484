/**
 * Judges the bridge's directory where it is pulled: nobody may go whom the source shows unchanged, and in the end all
 * must be as the source says. From the bridge it reads the rows that the runs wrote.
 */

import type { PulledDirectory } from '../vendors/directory.ts';
import type { GroupStanding, Human, Model, ScimGroup, Standing } from './model.ts';

type Row = Readonly<Record<string, unknown>>;

export class PulledRecords {
  readonly directory: PulledDirectory;
  readonly violations: string[] = [];
  /** Empty until there is a connection. */
  connectionId = '';
  /** By their ids at the source. */
  readonly people = new Map<string, Human>();
  readonly groups = new Map<string, ScimGroup>();
  readonly #model: Model;
  readonly #rows: (sql: string) => readonly Row[];

  constructor(model: Model, directory: PulledDirectory, rows: (sql: string) => readonly Row[]) {
    this.#model = model;
    this.directory = directory;
    this.#rows = rows;
  }

  /** Notes which ids the bridge has for whom, and whether it removed somebody without a reason. */
  look(): void {
    if (this.connectionId === '' || this.violations.length > 0) return;
    const users = this.#users();
    const groups = this.#groups();
    for (const [sourceId, human] of this.people) {
      const personId = text(users.get(sourceId)?.person_id) ?? human.personId;
      if (human.personId === null && personId !== null) this.#arrives(human);
      human.personId = personId;
    }
    for (const [sourceId, group] of this.groups) {
      const id = text(groups.get(sourceId)?.id) ?? group.id;
      if (group.id === '' && id !== '') this.#arrives(group);
      group.id = id;
    }
    const since = <T>(timeline: { at(tick: number): T | undefined; since(tick: number): readonly T[] }) =>
      timeline.at(this.#model.pulled) === undefined ? [] : timeline.since(this.#model.pulled);
    const always = <T>(standings: readonly T[], test: (standing: T) => boolean) =>
      standings.length > 0 && standings.every(test);
    const stayed = new Set<number>();
    for (const [sourceId, human] of this.people) {
      if (!always(since(human.standing), ({ lifecycle }) => lifecycle === 'active')) continue;
      stayed.add(human.index);
      if (!isActive(users.get(sourceId))) this.#say(`h${human.index} is active at the source, and not here`);
    }
    for (const [sourceId, { standing }] of this.groups) {
      const standings = since(standing);
      if (!always(standings, ({ live }) => live)) continue;
      const { name } = standings.at(-1) as GroupStanding;
      const members = this.#membersOf(groups.get(sourceId));
      for (const who of stayed)
        if (always(standings, (one) => one.members.has(who)) && !members.has(who))
          this.#say(`h${who} is a member of ${name} at the source, and not here`);
    }
  }

  /** The differences between the directory and the source. */
  differences(): readonly string[] {
    const users = this.#users();
    const groups = this.#groups();
    const found: string[] = [];
    for (const [sourceId, { index, standing }] of this.people) {
      const [is, must] = [shown(users.get(sourceId)), meant(standing.now)];
      if (is !== must) found.push(`h${index} is ${is} in the directory, and should be ${must}`);
    }
    for (const [sourceId, { standing }] of this.groups) {
      const row = groups.get(sourceId);
      const now = standing.now as GroupStanding;
      const is = row ? `${row.display_name} of ${[...this.#membersOf(row)].sort()}` : 'gone';
      const must = now.live ? `${now.name} of ${[...now.members].sort()}` : 'gone';
      if (is !== must) found.push(`a group is ${is} in the directory, and should be ${must}`);
    }
    return found;
  }

  /** An old list may show somebody who is gone by now; the bridge has never heard of them and cannot tell. */
  #arrives(subject: Human | ScimGroup): void {
    const { pulled } = this.#model;
    if (this.directory.oldAt > this.#model.timeOf(pulled)) this.#model.fromOldList.set(subject, pulled);
  }

  #say(what: string): void {
    this.violations.push(`directory: ${what}`);
  }

  #users(): ReadonlyMap<string, Row> {
    return this.#live('users');
  }

  #groups(): ReadonlyMap<string, Row> {
    return this.#live('groups');
  }

  #live(table: string): ReadonlyMap<string, Row> {
    const where = `connection_id = '${this.connectionId}' AND deleted_at IS NULL`;
    const rows = this.#rows(`SELECT * FROM ${table} WHERE ${where}`);
    return new Map(rows.map((row) => [String(row.external_id), row]));
  }

  /** Indexes of people. */
  #membersOf(group: Row | undefined): ReadonlySet<number> {
    if (!group) return new Set();
    const rows = this.#rows(
      `SELECT u.external_id FROM group_members m JOIN users u ON u.id = m.user_id WHERE m.group_id = '${group.id}'`,
    );
    const people = rows.map((row) => this.people.get(String(row.external_id))?.index);
    return new Set(people.filter((index) => index !== undefined));
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isActive(row: Row | undefined): boolean {
  return row?.active === 1;
}

function meant(standing: Standing | undefined): string {
  if (!standing || standing.lifecycle === 'gone') return 'gone';
  const { lifecycle, userName, email, displayName, title } = standing;
  return JSON.stringify([lifecycle, userName, email, displayName, title]);
}

function shown(row: Row | undefined): string {
  if (!row) return 'gone';
  const { userName, displayName, title = '', emails } = JSON.parse(String(row.resource));
  return JSON.stringify([
    isActive(row) ? 'active' : 'inactive',
    userName,
    emails[0].value,
    displayName,
    title,
  ]);
}
