/** A real connector for a GitLab, emulated or not, as tests need it. */

import type { Connector, ConnectorDeps } from '../src/connectors/connector.ts';
import { gitLabSelfManagedType } from '../src/connectors/gitlab/index.ts';
import { type Configuration, withDefaults } from '../src/model/settings.ts';
import { systemClock } from '../src/support/clock.ts';

/** `given` over the defaults. */
export function gitLabDeps(url: string, token: string, given: Configuration = {}): ConnectorDeps {
  const configuration = withDefaults(gitLabSelfManagedType.settings, {
    BASE_URL: url,
    ACCESS_TOKEN: token,
    ...given,
  });
  return {
    configuration,
    now: () => performance.now(),
    sleep: systemClock.sleep,
    fetch,
    storeId: 'store',
  };
}

export function connectGitLab(url: string, token: string, given: Configuration = {}): Connector {
  return gitLabSelfManagedType.create(gitLabDeps(url, token, given));
}
