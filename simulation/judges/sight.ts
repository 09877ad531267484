/**
 * The directory as one store sees it at any tick: the tables "Scope" and "Mappings" of docs/design.md. A person or
 * group out of scope is gone for the store.
 */

import type { Attribute } from '../vendors/vendor.ts';
import type { GroupStanding, Human, Model, Rule, ScimGroup, Standing } from './model.ts';
import { type Meaning, meaningOf } from './settings.ts';

export class Sight {
  readonly #model: Model;
  readonly #storeId: () => string;

  constructor(model: Model, storeId: () => string) {
    this.#model = model;
    this.#storeId = storeId;
  }

  get now(): number {
    return this.#model.tick;
  }

  get meaning(): Meaning {
    return meaningOf(this.#model.settings.get(this.#storeId())?.now ?? {});
  }

  /** The meanings that the settings had at any time since. */
  meaningsSince(tick: number): readonly Meaning[] {
    return (this.#model.settings.get(this.#storeId())?.since(tick) ?? []).map(meaningOf);
  }

  /** True where the attribute was unmapped the whole time since. */
  isUnmappedSince(tick: number, attribute: Attribute): boolean {
    return this.#unmapped?.since(tick).every((names) => names.has(attribute)) ?? false;
  }

  isUnmapped(attribute: Attribute): boolean {
    return this.#unmapped?.now?.has(attribute) ?? false;
  }

  /** `said`: the tick of the directory; the settings are those of `tick`. */
  person(human: Human, tick = this.#model.tick, said = tick): Standing | undefined {
    const standing = human.standing.at(said);
    if (!standing || this.#includes(human, standing, tick, said)) return standing;
    return { ...standing, lifecycle: 'gone' };
  }

  /**
   * Every standing of the person since. The bridge hears late what a pulled directory says, so that new settings may
   * meet an older state of it.
   */
  personSince(human: Human, since: number): readonly Standing[] {
    return ticks(since, this.#model.tick).flatMap((tick) =>
      this.saidBy(tick, since).flatMap((said) => this.person(human, tick, said) ?? []),
    );
  }

  /** The ticks of the directory that the bridge may go by at `tick`, of those since. */
  saidBy(tick: number, since: number): readonly number[] {
    const isPulled = this.#model.pulled < Number.POSITIVE_INFINITY;
    return ticks(isPulled ? since : tick, tick);
  }

  /** Since when the person has been gone without interruption, in true time. */
  goneSince(human: Human): number {
    let tick = this.#model.tick;
    while (tick > 0 && this.person(human, tick - 1)?.lifecycle === 'gone') tick -= 1;
    return this.#model.timeOf(tick);
  }

  /** `said`: the tick of the directory; the rules are those of `tick`. */
  group(group: ScimGroup, tick = this.#model.tick, said = tick): GroupStanding | undefined {
    const standing = group.standing.at(said);
    if (!standing?.live) return standing;
    const rules = this.#rules(tick);
    const isNamed = rules.some((rule) => rule.groups.length === 0 || rule.groups.includes(group.id));
    return rules.length === 0 || isNamed ? standing : { ...standing, live: false };
  }

  /** Whether the person is out of scope only because groups in rules were deleted: the person did not leave. */
  lostWithGroup(human: Human, tick: number): boolean {
    const standing = human.standing.at(tick);
    if (standing?.lifecycle !== 'active' || this.#includes(human, standing, tick, tick)) return false;
    return this.#rules(tick).some(
      ({ title, groups }) =>
        (title === null || title === standing.title) &&
        groups.some((id) => this.#wentUnder(human, this.#model.groupOf(id), tick)),
    );
  }

  /** The same for a membership: a rule names the group, which was deleted with the person in it. */
  membershipWent(human: Human, group: ScimGroup, tick: number): boolean {
    const isNamed = this.#rules(tick).some(({ groups }) => groups.includes(group.id));
    return isNamed && this.#wentUnder(human, group, tick);
  }

  #wentUnder(human: Human, group: ScimGroup | undefined, tick: number): boolean {
    if (group?.standing.at(tick)?.live !== false) return false;
    const { ended } = group.standing;
    const wasNamed = this.#model.rules
      .get(this.#storeId())
      ?.at(ended)
      ?.some(({ groups }) => groups.includes(group.id));
    return wasNamed === true && group.standing.at(ended - 1)?.members.has(human.index) === true;
  }

  get #unmapped() {
    return this.#model.unmapped.get(this.#storeId());
  }

  #rules(tick: number): readonly Rule[] {
    return (this.#model.rules.get(this.#storeId())?.at(tick) ?? []).filter((rule) => rule.active);
  }

  #includes(human: Human, { title }: Standing, tick: number, said: number): boolean {
    const rules = this.#rules(tick);
    const isMember = (groupId: string) => {
      const standing = this.#model.groupOf(groupId)?.standing.at(said);
      return standing?.live === true && standing.members.has(human.index);
    };
    return (
      rules.length === 0 ||
      rules.some(
        (rule) =>
          (rule.title === null || rule.title === title) &&
          (rule.groups.length === 0 || rule.groups.some(isMember)),
      )
    );
  }
}

function ticks(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}
