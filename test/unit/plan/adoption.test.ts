/** What adopting does to an account's own attributes. */

import { commonSettings, commonSpecs } from '../../../src/model/commonSettings.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import type { UserSituation } from '../../../src/plan/drafting.ts';
import { NOTHING_IN_DOUBT } from '../../../src/plan/people/doubts.ts';
import { planUser } from '../../../src/plan/people/user.ts';

const situation: UserSituation = {
  desired: {
    kind: 'user',
    id: 'p',
    display: 'jane',
    lifecycle: 'active',
    identifier: 'jane@acme.example',
    attributes: { username: 'jane', title: 'Engineer', phone: '' },
  },
  link: null,
  account: {
    kind: 'user',
    remoteId: '7',
    display: 'jdoe',
    state: 'enabled',
    identifier: 'jane@acme.example',
    attributes: { username: 'jdoe', title: 'Intern', phone: '123' },
  },
  settings: commonSettings(withDefaults(commonSpecs({ groupProvisioning: 'Create' }), {})),
  isTaken: false,
  lost: false,
  shown: {},
  storeName: 'Slack',
  doubts: NOTHING_IN_DOUBT,
  keptOnAdoption: ['username'],
  identityAttributes: ['username'],
  foreignKept: [],
  isProtected: false,
  takenKeys: new Map<string, string>(),
  temporary: new Map(),
  namesProtected: [],
  isOwn: false,
  removalDue: false,
};

it('updates what differs, keeps the name of the account, and clears nothing that the bridge never set', () => {
  const { changes } = planUser(situation);
  expect(changes.at(-1)).toMatchObject({
    op: 'update',
    attributes: [{ name: 'title', from: 'Intern', to: 'Engineer' }],
  });
});

it('renames the account once the directory renames the person', () => {
  const link = {
    remoteId: '7',
    state: 'enabled',
    disabledBy: null,
    notAccepted: {},
    applied: { username: 'jane', title: 'Engineer' },
    observed: { username: 'jdoe', title: 'Engineer' },
    privileged: false,
  } as const;
  const renamed = { ...situation.desired, attributes: { username: 'jane.smith', title: 'Engineer' } };
  const { changes } = planUser({ ...situation, desired: renamed, link, account: null });
  expect(changes).toMatchObject([
    {
      op: 'update',
      replacesIdentity: true,
      attributes: [{ name: 'username', from: 'jdoe', to: 'jane.smith' }],
    },
  ]);
});
