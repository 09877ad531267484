/** What every operation at Slack works on. */

import type { ScimClient } from './client.ts';
import type { IdentifiedBy } from './mapping.ts';
import type { WebApi } from './web.ts';

export interface Workspace {
  readonly scim: ScimClient;
  readonly web: WebApi;
  readonly identifiedBy: IdentifiedBy;
  /** `DELETE_GROUPS`. */
  readonly deletesGroups: boolean;
}
