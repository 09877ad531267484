/** What counts as changed by hand, and what does not. */

import type { LinkRecord } from '../../../src/db/seen/links.ts';
import type { DesiredUser } from '../../../src/model/desired.ts';
import type { RemoteUser } from '../../../src/model/remote.ts';
import { observedAfter, userDrift } from '../../../src/plan/drift.ts';
import { afterWrite, driftReason } from '../../../src/settle/drift.ts';

const WRITTEN = '2026-01-01T10:00:00.000Z';
const BEGAN = '2026-01-01T11:00:00.000Z';
const SEEN = '2026-01-01T11:00:01.000Z';

const desired: DesiredUser = {
  kind: 'user',
  id: 'p',
  display: 'jane',
  lifecycle: 'active',
  identifier: 'jane@acme.example',
  attributes: { title: 'Engineer', phone: '1' },
};

const link = (more: Partial<LinkRecord> = {}): LinkRecord => ({
  id: 'l',
  environmentId: 'e',
  storeId: 's',
  subject: { kind: 'user', id: 'p' },
  remoteId: 'r',
  remoteName: 'jane',
  origin: 'created',
  state: 'enabled',
  disabledBy: null,
  applied: desired.attributes,
  observed: desired.attributes,
  membersReadAt: null,
  removalSince: null,
  missingSince: null,
  notAccepted: {},
  deletedAt: null,
  drift: null,
  privileged: false,
  createdAt: WRITTEN,
  updatedAt: WRITTEN,
  ...more,
});

const seen = (more: Partial<RemoteUser> = {}, seenAt = SEEN) => ({
  seenAt,
  remote: {
    kind: 'user',
    remoteId: 'r',
    display: 'jane',
    state: 'enabled',
    identifier: 'jane@acme.example',
    attributes: desired.attributes,
    ...more,
  } as RemoteUser,
});

const byHand = { attributes: { title: 'By hand', phone: '1' } };
const kinds = (...given: Parameters<typeof userDrift>) => userDrift(...given).items.map((item) => item.kind);

describe('userDrift', () => {
  it('finds nothing where nothing differs', () => {
    expect(userDrift(link(), desired, seen(), BEGAN)).toMatchObject({ items: [], patch: null });
  });

  it.each([WRITTEN, '2026-01-01T09:00:00.000Z'])(
    'ignores a row no newer than the last write: %s',
    (seenAt) => {
      expect(userDrift(link(), desired, seen(byHand, seenAt), BEGAN)).toMatchObject({
        items: [],
        patch: null,
      });
    },
  );

  it('takes no account for vanished that was written since the scan began', () => {
    expect(kinds(link(), desired, undefined, BEGAN)).toEqual(['vanished']);
    expect(userDrift(link({ updatedAt: BEGAN }), desired, undefined, BEGAN).patch).toBeNull();
  });

  it('says nothing of a vanished account that its person should not have anyway', () => {
    const drift = userDrift(link(), { ...desired, lifecycle: 'gone' }, undefined, BEGAN);
    expect(drift).toMatchObject({ items: [], patch: { state: 'removed' } });
  });

  it('leaves alone what the vendor never showed otherwise, or never shows', () => {
    const locked = link({ observed: { title: 'By hand', phone: '1' } });
    expect(kinds(locked, desired, seen(byHand), BEGAN)).toEqual([]);
    expect(kinds(link({ observed: {} }), desired, seen(byHand), BEGAN)).toEqual([]);
  });

  it('finds what somebody changed by hand and the answer to another write has shown since', () => {
    const drift = { items: [], repaired: {}, answered: { title: 'By hand' } };
    const answered = link({ observed: { title: 'By hand', phone: '1' }, drift });
    expect(kinds(answered, desired, seen(byHand), BEGAN)).toEqual(['attribute']);
    expect(kinds(answered, desired, seen(), BEGAN)).toEqual([]);
    expect(afterWrite(drift, ['phone'])).toEqual(drift);
    expect(afterWrite(drift, ['title'])).toBeNull();
  });

  it('lets reality be where the next plan starts', () => {
    const { patch, repaired } = userDrift(link(), desired, seen(byHand), BEGAN);
    expect(patch).toEqual({
      applied: { title: 'By hand', phone: '1' },
      observed: { title: 'By hand', phone: '1' },
    });
    expect(repaired).toEqual({ title: 'By hand' });
  });

  it('takes the value that a repair has just overwritten for one that the store keeps', () => {
    const repaired = link({ drift: { items: [], repaired: { title: 'By hand' } } });
    const drift = userDrift(repaired, desired, seen(byHand), BEGAN);
    expect(drift).toMatchObject({ items: [], kept: { title: 'By hand' } });
    expect(drift.patch?.applied).toEqual(desired.attributes);
    const notAccepted = { title: { wanted: desired.attributes.title, reason: 'it is "By hand" there' } };
    expect(drift.patch).toMatchObject({ notAccepted });
    expect(kinds(repaired, desired, seen({ attributes: { title: 'Other' } }), BEGAN)).toEqual(['attribute']);
  });

  it('takes no account for opened by hand that the bridge shut a moment before the vendor showed it', () => {
    const shut = (disabledBy: LinkRecord['disabledBy'], updatedAt: string) =>
      userDrift(link({ state: 'disabled', disabledBy, updatedAt }), desired, seen(), BEGAN).patch?.state;
    expect(shut('inactive', BEGAN)).toBeUndefined();
    expect(shut('gone', BEGAN)).toBeUndefined();
    expect(shut('hand', BEGAN)).toBe('enabled');
    expect(shut('inactive', WRITTEN)).toBe('enabled');
  });

  it('starts the count of a removal anew where the account was enabled by hand', () => {
    const waiting = link({ state: 'disabled', disabledBy: 'gone', removalSince: WRITTEN });
    const { patch } = userDrift(waiting, { ...desired, lifecycle: 'gone' }, seen(), BEGAN);
    expect(patch).toMatchObject({ state: 'enabled', removalSince: null });
  });
});

describe('what the vendor showed after a write', () => {
  const before = { title: 'Engineer', phone: '1', zone: 'UTC' };
  const shownAfter = (shown: Record<string, string>, identityAttributes: readonly string[] = []) =>
    observedAfter(before, { phone: '2' }, shown, { desired, identityAttributes, foreignKept: [] });

  it('is what its answer says of that, and as before what somebody may have changed by hand', () => {
    expect(shownAfter({ title: 'By hand', phone: '+2' })).toEqual({
      title: 'Engineer',
      phone: '+2',
      zone: 'UTC',
    });
    const observed = shownAfter({ title: 'By hand', phone: '1' });
    expect(kinds(link({ observed }), desired, seen(byHand), BEGAN)).toEqual(['attribute']);
  });

  it('is as its answer says where somebody else signs in to the account by it', () => {
    expect(shownAfter({ title: 'By hand' }, ['title'])).toEqual({ title: 'By hand', zone: 'UTC' });
  });

  it('is as its answer says where nobody compares it', () => {
    expect(shownAfter({ zone: 'CET', city: 'Oslo' })).toEqual({
      title: 'Engineer',
      zone: 'CET',
      city: 'Oslo',
    });
  });
});

describe('what is remembered', () => {
  const { items } = userDrift(link(), desired, seen({ attributes: { title: 'x', phone: 'y' } }), BEGAN);

  it('ends with a write of the same attribute, or of the state', () => {
    const drift = { items, repaired: {} };
    expect(afterWrite(drift, ['title'])?.items).toMatchObject([{ attribute: 'phone' }]);
    expect(afterWrite(drift, ['title', 'phone'])).toBeNull();
    expect(afterWrite(drift, null)).toBeNull();
  });

  it('is told in words', () => {
    expect(driftReason(items)).toBe(
      'jane differs there by hand: title is "x" instead of "Engineer", phone is "y" instead of "1"; a sync with repair undoes it',
    );
    expect(driftReason([])).toBeNull();
  });
});
