/** Which name of a remote group counts as given by hand, and which as the vendor's own form. */

import type { DesiredGroup } from '../../../src/model/desired.ts';
import { type NamedLink, nameDrift } from '../../../src/plan/groups/nameDrift.ts';

const WRITTEN = '2026-01-01T10:00:00.000Z';
const SEEN = '2026-01-01T11:00:00.000Z';

const desired = {
  kind: 'group',
  id: 'g',
  display: 'Crew',
  lifecycle: 'active',
  name: 'top/crew',
} as DesiredGroup;
const link = (more: Partial<NamedLink> = {}): NamedLink => ({
  remoteId: 'r',
  remoteName: 'top/crew',
  origin: 'created',
  observed: {},
  updatedAt: WRITTEN,
  drift: null,
  ...more,
});
const look = (to: NamedLink, name: string, title?: string, seenAt = SEEN) => {
  const remote = { kind: 'group', remoteId: 'r', display: name, name, ...(title ? { title } : {}) } as const;
  return nameDrift(to, desired, { remote, seenAt }, (text) => `top/${text.toLowerCase()}`);
};

it('finds a name that the bridge did not give', () => {
  expect(look(link(), 'by hand')).toMatchObject({
    items: [{ kind: 'attribute', attribute: 'name', expected: 'top/crew', found: 'by hand' }],
    patch: { remoteName: 'by hand' },
    repaired: { name: 'by hand' },
  });
});

it('finds nothing that is older than the last write, or as the vendor showed it then', () => {
  expect(look(link(), 'by hand', undefined, WRITTEN).items).toEqual([]);
  expect(look(link({ observed: { name: 'CREW' } }), 'CREW')).toMatchObject({ items: [], patch: null });
});

it('takes a name that comes again right after a repair for the vendor’s own form', () => {
  const repaired = link({ drift: { repaired: { name: 'CREW' } } });
  expect(look(repaired, 'CREW')).toMatchObject({
    items: [],
    kept: { name: 'CREW' },
    patch: { observed: { name: 'CREW' } },
  });
  expect(look(repaired, 'top/crew', 'CREW').patch).not.toHaveProperty('notAccepted');
});

it('says of another name that comes again right after a repair that the wanted one was not accepted', () => {
  const repaired = link({ drift: { repaired: { name: 'by hand' } } });
  expect(look(repaired, 'by hand')).toMatchObject({
    items: [],
    patch: { notAccepted: { name: { wanted: 'top/crew', reason: 'it is "by hand" there' } } },
  });
});

it('takes note of a name that is as wanted', () => {
  expect(look(link({ remoteName: 'former' }), 'top/crew')).toMatchObject({
    items: [],
    patch: { remoteName: 'top/crew' },
  });
});

it('compares the title where it is not by that that groups are matched', () => {
  const named = link({ observed: { name: 'Crew' } });
  expect(look(named, 'elsewhere/crew', 'Crew')).toMatchObject({ items: [], patch: null });
  expect(look(named, 'top/crew', 'By hand')).toMatchObject({
    items: [{ found: 'By hand' }],
    patch: { remoteName: 'top/by hand' },
  });
  // Nobody asked for the title of a group that was adopted by its path.
  expect(look(link({ origin: 'adopted' }), 'top/crew', 'The Crew')).toMatchObject({ items: [], patch: null });
  expect(look(link(), 'top/crew', 'The Crew')).toMatchObject({
    items: [],
    patch: { observed: { name: 'The Crew' } },
  });
});
