/** Why an account is as it should be, in one sentence: who said what of the person, and which rule has them. */

import type { UserRecord } from '../../db/identity/users.ts';
import { type Db, dialectOf } from '../../db/open.ts';
import type { LastWord } from '../../db/people/lastWord.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { rulesOfStore } from '../../db/stores/rules.ts';
import type { StoreRecord } from '../../db/stores/stores.ts';
import { peopleInScope, scopeOf } from '../../stores/scope.ts';

/** `word` of the directory; `speaking` of the person's users, null where the person is gone. */
export async function whyAsItShouldBe(
  db: Db,
  store: StoreRecord,
  link: LinkRecord | null,
  speaking: UserRecord | null,
  word: LastWord | null,
): Promise<string> {
  const account = link === null ? 'no account' : STATES[link.state];
  return `${account}: ${await because(db, store, speaking, word)}`;
}

const STATES: Readonly<Record<LinkRecord['state'], string>> = {
  enabled: 'enabled',
  invited: 'invited',
  disabled: 'disabled',
  removed: 'no account any more',
};

async function because(
  db: Db,
  store: StoreRecord,
  speaking: UserRecord | null,
  word: LastWord | null,
): Promise<string> {
  if (word === null) return 'the directory does not know this person';
  const { connectionName, said, at } = word;
  const who = speaking?.userName ?? 'this person';
  const when = at === null ? '' : ` on ${at.slice(0, 10)}`;
  if (said !== 'active') return `${connectionName} ${said} ${who}${when}`;
  return `${connectionName} has ${who} as active, and ${await scopeWords(db, store, speaking)}`;
}

async function scopeWords(db: Db, store: StoreRecord, speaking: UserRecord | null): Promise<string> {
  const rules = (await rulesOfStore(db, store.id)).filter(({ active }) => active);
  if (rules.length === 0) return `${store.name} has no rule, so everyone is in scope`;
  for (const rule of rules) {
    const included = await peopleInScope(db, scopeOf([rule], dialectOf(db)), speaking ? [speaking] : []);
    if (included.size > 0) return `the rule "${rule.name}" includes them`;
  }
  return `no rule of ${store.name} includes them`;
}
