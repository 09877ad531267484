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
  /** In the order in which people see them. */
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

/** The accounts of stores, to add to people. The connectors of the store types read them. */
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

/** A registry with just these kinds. */
export function createSources(definitions: readonly SourceDefinition[]): Sources {
  const byStrategy = new Map<string, SourceDefinition>(definitions.map((one) => [one.strategy, one]));
  return {
    strategies: definitions.map(({ strategy }) => strategy),
    get: (strategy) => byStrategy.get(strategy) ?? null,
  };
}
