/** What several attempts at one store may have in hand at once. */

import { AlreadyClaimed, Claims } from '../../../src/settle/gate/claims.ts';

const isTurnedAway = (take: () => void) => expect(take).toThrow(AlreadyClaimed);

it('gives a key to one attempt, and to the next when that one is over', () => {
  const claims = new Claims();
  const first = claims.begin();
  const second = claims.begin();
  first.take(['account 1', 'name a']);
  isTurnedAway(() => second.take(['name b', 'name a']));
  second.take(['name b']);
  first.end();
  second.end();
  claims.begin().take(['account 1', 'name a', 'name b']);
});

it('turns away whoever looked before the last one was done', () => {
  const claims = new Claims();
  const slow = claims.begin();
  const quick = claims.begin();
  quick.take(['account 1']);
  quick.end();
  isTurnedAway(() => slow.take(['account 1']));
  slow.end();
  claims.begin().take(['account 1']);
});

it('lets an attempt claim what it has again', () => {
  const claims = new Claims();
  const claim = claims.begin();
  claim.take(['account 1']);
  claims.begin().end();
  claim.take(['account 1', 'account 2']);
});

it('lets groups share an account, and nobody else have it meanwhile', async () => {
  const claims = new Claims();
  const [one, other] = [claims.begin(), claims.begin()];
  const release = await one.share(['account 1'], one.mark());
  const releaseToo = await other.share(['account 1'], other.mark());
  const person = claims.begin();
  isTurnedAway(() => person.take(['account 1']));
  release?.();
  isTurnedAway(() => person.take(['account 1']));
  releaseToo?.();
  // A membership is nothing that was read of the account.
  person.take(['account 1']);
});

it('makes a group wait for a person in hand, and plan anew after that', async () => {
  const claims = new Claims();
  const group = claims.begin();
  const person = claims.begin();
  const plannedAt = group.mark();
  person.take(['account 1']);
  let isOver = false;
  const shared = group.share(['account 1', 'account 2'], plannedAt).then((release) => {
    isOver = true;
    return release;
  });
  await Promise.resolve();
  expect(isOver).toBe(false);
  person.end();
  expect(await shared).toBeNull();
  expect(await group.share(['account 1', 'account 2'], group.mark())).not.toBeNull();
});

it('says all that an attempt needs, so that two who want what the other has do not meet again', () => {
  const claims = new Claims();
  const [first, second] = [claims.begin(), claims.begin()];
  first.take(['group 1', 'name a']);
  second.take(['group 2', 'name b']);
  const needs: (readonly string[])[] = [];
  for (const [claim, wanted] of [[first, 'name b'] as const, [second, 'name a'] as const]) {
    try {
      claim.take([wanted]);
    } catch (error) {
      needs.push((error as AlreadyClaimed).needed);
    }
  }
  expect(needs).toEqual([
    ['group 1', 'name a', 'name b'],
    ['group 2', 'name b', 'name a'],
  ]);
});
