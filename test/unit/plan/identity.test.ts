/** What an admin's decision on a replaced identity covers, and what becomes of the rest of the plan. */

import { changeKey, type IdentityUpdate, type UserChange } from '../../../src/model/change.ts';
import { commonSettings } from '../../../src/model/commonSettings.ts';
import { judgeLosses, type KnownLoss, withoutDeclined } from '../../../src/plan/losses.ts';
import { splitIdentity } from '../../../src/plan/people/attributes.ts';
import { isStillWanted } from '../../../src/plan/people/identity.ts';

const subject = { kind: 'user', id: 'p', display: 'jane' } as const;

function replacing(values: Record<string, string>): IdentityUpdate {
  const attributes = Object.entries(values).map(([name, to]) => ({ name, from: `old ${name}`, to }));
  return { op: 'update', subject, remoteId: 'r', attributes, replacesIdentity: true };
}

function known(state: KnownLoss['state'], values: Record<string, string>): KnownLoss {
  const change = replacing(values);
  const decided = { reason: 'the brake is tripped', decidedBy: 'Kim', decidedAt: null, undoBy: null };
  return { id: state, change, changeKey: changeKey(change), state, desired: 'identity', ...decided };
}

function judge(changes: readonly UserChange[], rows: readonly KnownLoss[]) {
  return judgeLosses({
    changes,
    lossOf: { personKey: () => 'p', desired: () => 'identity' },
    known: rows,
    released: new Set(),
    confirmed: false,
    decided: false,
    calledOff: new Map(),
    settings: commonSettings({}),
    window: { base: 30, used: 0, tripped: false },
    inWindow: new Set(),
    peopleOfCause: 1,
    emptiesGroup: null,
  });
}

describe('a value that was declined', () => {
  const rows = [known('discarded', { email: 'new@acme.example' })];

  it('is left out while it is wanted, and the rest goes on', () => {
    const plan = [replacing({ email: 'new@acme.example', username: 'new' })];
    const { changes, skipped } = withoutDeclined(plan, rows);
    expect(changes).toEqual([replacing({ username: 'new' })]);
    expect(skipped).toMatchObject([{ op: 'update', status: 'unsynced', reason: 'discarded by Kim' }]);
    expect(withoutDeclined([replacing({ email: 'new@acme.example' })], rows).changes).toEqual([]);
  });

  it('is forgotten once another one is wanted', () => {
    const plan = [replacing({ email: 'newer@acme.example' })];
    expect(withoutDeclined(plan, rows)).toEqual({ changes: plan, skipped: [] });
  });

  it('is remembered while it is wanted, planned or not', () => {
    const [row] = rows as [KnownLoss];
    expect(isStillWanted(row, { email: 'new@acme.example' })).toBe(true);
    expect(isStillWanted(row, { email: 'newer@acme.example' })).toBe(false);
  });
});

describe('a value that is held', () => {
  const rows = [known('held', { email: 'new@acme.example', username: 'new' })];

  it('stays held, whatever else is wanted of the account by now', () => {
    expect(judge([replacing({ email: 'new@acme.example', username: 'new' })], rows).kept).toEqual(['held']);
    for (const values of [{ username: 'new' }, { email: 'newer@acme.example', username: 'new' }]) {
      const { allowed, fresh, kept } = judge([replacing(values)], rows);
      expect(allowed).toEqual([]);
      expect(kept).toEqual([]);
      expect(fresh).toMatchObject([{ change: replacing(values), reason: 'the brake is tripped' }]);
    }
  });

  it('does not hold up another one, or what is no loss', () => {
    const title = {
      op: 'update',
      subject,
      remoteId: 'r',
      attributes: [{ name: 'title', from: null, to: 'Dr' }],
    } as const;
    const other = replacing({ email: 'newer@acme.example', username: 'newer' });
    expect(judge([title, other], rows).allowed).toEqual([title, other]);
  });
});

it('an approval covers each value that it names, and no other', () => {
  const rows = [known('approved', { email: 'new@acme.example', username: 'new' })];
  const covered = replacing({ username: 'new' });
  expect(judge([covered], rows).approvals).toEqual(new Map([[changeKey(covered), 'approved']]));
  expect(judge([replacing({ email: 'newer@acme.example', username: 'new' })], rows).approvals.size).toBe(0);
});

describe('what counts as replacing', () => {
  const split = (to: string, applied: string | undefined, observed: string | undefined, shown?: string) =>
    splitIdentity([{ name: 'name', from: applied ?? observed ?? null, to }], ['name'], {
      applied: named(applied),
      observed: named(observed),
      shown: named(shown),
    }).replacing;
  const named = (value: string | undefined) => (value === undefined ? {} : { name: value });

  it('is another value in the place of one, and says which one was there', () => {
    expect(split('new', 'old', 'old-2')).toEqual([{ name: 'name', from: 'old-2', to: 'new' }]);
    expect(split('', 'old', 'old')).toHaveLength(1);
    expect(split('new', undefined, 'old')).toHaveLength(1);
  });

  it.each([
    ['an empty one that is filled', 'new', undefined, '', undefined],
    ['one that nobody has seen', 'new', undefined, undefined, undefined],
    ['a difference in case', 'New', 'new', 'new', undefined],
    ["the vendor's form of what was sent, as it is shown", 'old-2', 'old', 'old-2', 'OLD-2'],
    ['what somebody made of it by hand, as it is shown', 'new', 'old', 'old', 'new'],
    ['one that is shown to be empty', 'new', 'old', 'old', ''],
  ])('is not %s', (_, to, applied, observed, shown) => {
    expect(split(to, applied, observed, shown)).toEqual([]);
  });

  it.each([
    ['the wanted one', 'new'],
    ['none', ''],
  ])('is what the bridge wrote, where an older answer showed %s', (_, observed) => {
    expect(split('new', 'old', observed)).toHaveLength(1);
  });
});
