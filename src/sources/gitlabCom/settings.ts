/** The settings of a connection of strategy `gitlabSaas`. */

import type { Configuration, SettingSpec } from '../../model/settings.ts';
import { SOURCE_SPECS } from '../settings.ts';

const NEEDED = ['ACCESS_TOKEN', 'ROOT_GROUP'] as const;

export const GITLAB_COM_SPECS = [
  {
    key: 'STORE_ID',
    type: 'string',
    description:
      'A store of type GitLabSaaS: what it has seen of its accounts is taken, and no other credential is needed.',
  },
  {
    key: 'ACCESS_TOKEN',
    type: 'string',
    secret: true,
    description:
      'A personal access token of an owner of the top-level group, or a token of the group with the role Owner; scope read_api.',
  },
  {
    key: 'ROOT_GROUP',
    type: 'string',
    description: 'The path of the top-level group, as in https://gitlab.com/acme.',
  },
  { key: 'BASE_URL', type: 'url', default: 'https://gitlab.com', description: 'Where GitLab.com is.' },
  ...SOURCE_SPECS,
] as const satisfies readonly SettingSpec[];

/** Demands either the store alone, or both settings that are needed to read. */
export function refuseGitLabCom(configuration: Configuration): { key: string; detail: string }[] {
  const { STORE_ID: storeId, ROOT_GROUP: root } = configuration;
  if (storeId !== undefined) {
    const beside = NEEDED.filter((key) => configuration[key] !== undefined);
    const detail = (key: string) => `STORE_ID stands alone: leave ${key} out, or leave STORE_ID out`;
    return beside.map((key) => ({ key, detail: detail(key) }));
  }
  const missing = NEEDED.filter((key) => configuration[key] === undefined);
  if (missing.length > 0)
    return missing.map((key) => ({ key, detail: `${key} is required, or STORE_ID in its place` }));
  if (typeof root !== 'string' || /^[^/\s]+$/.test(root.trim())) return [];
  return [{ key: 'ROOT_GROUP', detail: 'ROOT_GROUP is the path of a top-level group: acme, not acme/teams' }];
}
