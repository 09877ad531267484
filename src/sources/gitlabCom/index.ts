/**
 * A top-level group on GitLab.com, read to add to people: its members, and people whose accounts its company owns.
 */

import type { SourceDefinition } from '../source.ts';
import { GITLAB_COM_SPECS, refuseGitLabCom } from './settings.ts';
import { createGitLabComSource } from './source.ts';

export const gitLabComSource: SourceDefinition = {
  strategy: 'gitlabSaas',
  vendor: 'GitLab.com',
  enriches: true,
  storeType: 'GitLabSaaS',
  settings: GITLAB_COM_SPECS,
  refuse: refuseGitLabCom,
  scopeKeys: [],
  hostKeys: ['BASE_URL'],
  reach: 'private',
  defaultMapping: [],
  manager: null,
  create: createGitLabComSource,
};
