/** What every operation at Slack gets. */

import type { ScimClient } from './api/client.ts';
import type { WebApi } from './api/web.ts';
import type { IdentifiedBy } from './mapping.ts';

export interface Workspace {
  readonly scim: ScimClient;
  readonly web: WebApi;
  readonly identifiedBy: IdentifiedBy;
  /** `DELETE_GROUPS`. */
  readonly deletesGroups: boolean;
}
