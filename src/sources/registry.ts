/** The directories that this release can pull. A new one is a folder next to this file, and one line here. */

import type { Registry } from '../connectors/registry.ts';
import type { PulledStrategy } from '../model/pull/pull.ts';
import { accountsSource } from './accounts/index.ts';
import type { AccountsKind } from './accounts/settings.ts';
import { demoSource } from './demo/index.ts';
import { gitLabComSource } from './gitlabCom/index.ts';
import { googleSource } from './google/index.ts';
import { ldapSource } from './ldap/index.ts';
import { oktaApiSource } from './okta/index.ts';
import type { SourceDefinition } from './source.ts';

export interface Sources {
  /** In the order in which people are shown them. */
  readonly strategies: readonly PulledStrategy[];
  get(strategy: string): SourceDefinition | null;
}

export const SOURCES: readonly SourceDefinition[] = [
  oktaApiSource,
  googleSource,
  ldapSource,
  demoSource,
  gitLabComSource,
];

/** The accounts of stores, read to add to people. They are read as the types of store read them. */
export function accountSources(types: Pick<Registry, 'get'>): readonly SourceDefinition[] {
  const kinds: readonly AccountsKind[] = [
    {
      ...{ strategy: 'slack', vendor: 'Slack', storeType: 'Slack' },
      keys: ['OAUTH_ACCESS_TOKEN', 'API_BASE_URL', 'SCIM_BASE_URL'],
      vendorNames: {
        ...{ primaryEmail: 'emails', phoneNumber: 'phoneNumbers' },
        ...{ givenName: 'name.givenName', familyName: 'name.familyName' },
      },
    },
    {
      ...{ strategy: 'gitlabSelf', vendor: 'GitLab', storeType: 'GitLabSelfManaged' },
      keys: ['BASE_URL', 'ACCESS_TOKEN', 'SSO_PROVIDER'],
      vendorNames: { externUid: 'extern_uid' },
    },
  ];
  return kinds.flatMap((kind) => {
    const type = types.get(kind.storeType);
    return type ? [accountsSource(kind, type)] : [];
  });
}

/** A registry of just these. */
export function createSources(definitions: readonly SourceDefinition[]): Sources {
  const byStrategy = new Map<string, SourceDefinition>(definitions.map((one) => [one.strategy, one]));
  return {
    strategies: definitions.map(({ strategy }) => strategy),
    get: (strategy) => byStrategy.get(strategy) ?? null,
  };
}
