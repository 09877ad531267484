/**
 * Clauses about what the directory says of a person and which rule includes them. Every sentence about somebody's
 * access is made from them: in a person's status, in its explanation, and in what is written about it later.
 */

import type { UserRecord } from '../../db/identity/users.ts';
import { type Db, dialectOf } from '../../db/open.ts';
import type { LastWord } from '../../db/people/lastWord.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { rulesOfStore } from '../../db/stores/rules.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import { peopleInScope, scopeOf } from '../../stores/scope.ts';

/** Whether the rules of a store include a person. */
export interface ScopeWord {
  readonly included: boolean;
  /** The first active rule that includes them; null where there is none. */
  readonly rule: string | null;
  readonly clause: string;
}

/**
 * Why an account is as it should be. `word`: what the directory last said. `speaking`: the speaking user; null where
 * the person is gone.
 */
export async function whyAsItShouldBe(
  db: Db,
  store: StoreRecord,
  link: LinkRecord | null,
  speaking: UserRecord | null,
  word: LastWord | null,
): Promise<string> {
  const account = link === null ? 'no account' : STATES[link.state];
  const said = directoryClause(word, speaking?.userName ?? 'this person');
  const isActive = word?.said === 'active';
  return `${account}: ${said}${isActive ? `, and ${(await scopeWord(db, store, speaking)).clause}` : ''}`;
}

const STATES: Readonly<Record<LinkRecord['state'], string>> = {
  enabled: 'enabled',
  invited: 'invited',
  disabled: 'disabled',
  removed: 'no account any more',
};

/** `who`: the person's name. */
export function directoryClause(word: LastWord | null, who: string): string {
  if (word === null) return `the directory does not know ${who}`;
  const { connectionName, said, at } = word;
  if (said === 'active') return `${connectionName} has ${who} as active`;
  return `${connectionName} ${said} ${who}${at === null ? '' : ` on ${dayOf(at)}`}`;
}

/** The day of an ISO time. */
export function dayOf(at: string): string {
  return at.slice(0, 10);
}

export async function scopeWord(db: Db, store: StoreRecord, speaking: UserRecord | null): Promise<ScopeWord> {
  const rules = (await rulesOfStore(db, store.id)).filter(({ active }) => active);
  if (rules.length === 0)
    return { included: true, rule: null, clause: `${store.name} has no rule, so everyone is in scope` };
  for (const rule of rules) {
    const included = await peopleInScope(db, scopeOf([rule], dialectOf(db)), speaking ? [speaking] : []);
    if (included.size > 0)
      return { included: true, rule: rule.name, clause: `the rule "${rule.name}" includes them` };
  }
  return { included: false, rule: null, clause: `no active rule of ${store.name} includes them` };
}
