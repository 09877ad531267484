/** Names of groups that may lead to one remote group have one core, whatever the store makes of them. */

import fc from 'fast-check';
import { normalizeGroup as inDemo } from '../../../src/connectors/demo/mapping.ts';
import { normalizeGroup as inGitLab } from '../../../src/connectors/gitlab/mapping.ts';
import type { GitLabSettings } from '../../../src/connectors/gitlab/settings.ts';
import { normalizeGroup as inSlack } from '../../../src/connectors/slack/mapping.ts';
import { lower } from '../../../src/db/columns.ts';
import type { DesiredGroup } from '../../../src/model/desired.ts';
import { groupNameCore } from '../../../src/support/text/groupName.ts';

const NAME = fc.array(
  fc.constantFrom(...[' ', '/', '.', '-', '_', 'a', 'B', 'ß', 'ẞ', 'é', 'İ', '日', '.js', '7', '&', '😀']),
  { minLength: 1, maxLength: 12 },
);

const onGitLab = (createsGroups: boolean, parentGroup: string | null) => (group: DesiredGroup) =>
  inGitLab(group, { createsGroups, parentGroup } as GitLabSettings);

it.each([
  ['Slack', inSlack],
  ['Demo', inDemo],
  ['GitLab', onGitLab(false, null)],
  ['GitLab that makes groups', onGitLab(true, null)],
  ['GitLab that makes groups inside another', onGitLab(true, 'acme/teams')],
] as const)('is kept by %s', (_, normalize) => {
  const kept = (name: string) =>
    normalize({ kind: 'group', id: 'g', display: name, name, lifecycle: 'active', memberLevel: null }).desired
      .name;
  fc.assert(
    fc.property(NAME, (parts) => {
      const name = parts.join('');
      expect(groupNameCore(kept(name))).toBe(groupNameCore(name));
      expect(groupNameCore(lower(name))).toBe(groupNameCore(name));
    }),
    { numRuns: 2_000 },
  );
});

it('tells names apart', () => {
  const names = ['Cooks', 'Cooks 2', 'Köche', '料理人', '料理長', 'acme/waiters'];
  expect(new Set(names.map(groupNameCore)).size).toBe(names.length);
});
