/** A sync with repair undoes a disabling by hand, also where a task found it first. */

import type { LinkRecord } from '../../../src/db/seen/links.ts';
import type { DesiredUser } from '../../../src/model/desired.ts';
import type { RemoteUser } from '../../../src/model/remote.ts';
import { userDrift } from '../../../src/plan/drift.ts';

const SEEN_AT = '2026-01-01T00:00:02.000Z';
const BEGAN = '2026-01-01T00:00:01.000Z';
const BEFORE = '2026-01-01T00:00:00.000Z';

const desired: DesiredUser = {
  kind: 'user',
  id: 'p',
  display: 'ann',
  lifecycle: 'active',
  identifier: 'ann@acme.example',
  attributes: {},
};

function link(disabledBy: LinkRecord['disabledBy']): LinkRecord {
  return {
    id: 'l',
    environmentId: 'e',
    storeId: 's',
    subject: { kind: 'user', id: 'p' },
    remoteId: 'r',
    remoteName: 'ann',
    origin: 'created',
    state: 'disabled',
    disabledBy,
    applied: {},
    observed: {},
    membersReadAt: null,
    removalSince: null,
    missingSince: null,
    notAccepted: {},
    deletedAt: null,
    drift: null,
    privileged: false,
    createdAt: BEFORE,
    updatedAt: BEFORE,
  };
}

const remote: RemoteUser = {
  kind: 'user',
  remoteId: 'r',
  display: 'ann',
  state: 'disabled',
  identifier: 'ann@acme.example',
  attributes: {},
};

const drift = (before: LinkRecord, lifecycle: DesiredUser['lifecycle'] = 'active') =>
  userDrift(before, { ...desired, lifecycle }, { remote, seenAt: SEEN_AT }, BEGAN);

it('offers to undo a disabling by hand that a task had found before the scan', () => {
  const found = drift(link('hand'));
  expect(found.items).toMatchObject([{ kind: 'disabledThere', remoteId: 'r' }]);
  expect(found.patch).toEqual({ disabledBy: 'inactive' });
});

it.each([
  ['what the bridge disabled', link('inactive'), 'active'],
  ['what the vendor locked', link('locked'), 'active'],
  ['somebody who is inactive anyway', link('hand'), 'inactive'],
] as const)('leaves %s alone', (_, before, lifecycle) => {
  expect(drift(before, lifecycle)).toMatchObject({ items: [], patch: null });
});
