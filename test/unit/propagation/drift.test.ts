/** What a scan may and may not conclude about a linked account. */

import type { LinkRecord } from '../../../src/db/links.ts';
import type { DesiredUser } from '../../../src/model/desired.ts';
import { userDrift } from '../../../src/propagation/drift.ts';

const STARTED = '2026-01-01T10:00:00.000Z';
const BEFORE = '2026-01-01T09:00:00.000Z';
const AFTER = '2026-01-01T10:00:00.500Z';

const desired: DesiredUser = {
  kind: 'user',
  id: 'p',
  display: 'jane',
  lifecycle: 'active',
  identifier: 'jane@acme.example',
  attributes: { title: 'Engineer' },
};

function link(more: Partial<LinkRecord> = {}): LinkRecord {
  return {
    id: 'l',
    environmentId: 'e',
    storeId: 's',
    subject: { kind: 'user', id: 'p' },
    remoteId: 'U1',
    remoteName: 'jane',
    origin: 'created',
    state: 'enabled',
    disabledBy: null,
    applied: { title: 'Engineer' },
    observed: { title: 'Engineer' },
    membersReadAt: null,
    createdAt: BEFORE,
    updatedAt: BEFORE,
    ...more,
  } as LinkRecord;
}

function seen(title: string, seenAt = AFTER, state: 'enabled' | 'disabled' = 'enabled') {
  const remote = {
    kind: 'user',
    remoteId: 'U1',
    display: 'jane',
    state,
    identifier: null,
    attributes: { title },
  } as const;
  return { remote, seenAt };
}

it('takes an account that a complete scan did not see for vanished', () => {
  expect(userDrift(link(), desired, undefined, STARTED).patch).toEqual({
    state: 'removed',
    disabledBy: null,
  });
});

it('concludes nothing about an account that was made while the scan was under way', () => {
  expect(userDrift(link({ updatedAt: AFTER }), desired, undefined, STARTED)).toEqual({
    items: [],
    patch: null,
  });
});

it('concludes nothing from a page that is older than the last write', () => {
  expect(userDrift(link({ updatedAt: AFTER }), desired, seen('Intern', BEFORE), STARTED).items).toEqual([]);
});

it('reports a title changed by hand, and not one that the vendor never took', () => {
  expect(userDrift(link(), desired, seen('Intern'), STARTED).items).toMatchObject([
    { kind: 'attribute', found: 'Intern' },
  ]);
  const locked = link({ observed: { title: 'Locked' } });
  expect(userDrift(locked, desired, seen('Locked'), STARTED).items).toEqual([]);
});
