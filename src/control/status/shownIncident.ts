/** What the API shows of every incident, of either kind. */

import type { IncidentNote } from '../../db/brake/incidentDesk.ts';
import type { UndoCounts } from '../../db/brake/incidentLosses.ts';
import type { ShownCause } from './causes.ts';

export interface ShownIncident {
  readonly summary: string;
  readonly ifNothing: string;
  readonly connection?: { readonly id: string; readonly name: string };
  readonly causes: readonly (ShownCause & { readonly people: number; readonly at: string })[];
  readonly stores: readonly {
    readonly store: { readonly id: string; readonly name: string };
    readonly lost: number;
    readonly held: number;
    readonly limit: number;
    readonly base: number;
  }[];
  readonly notes: readonly IncidentNote[];
  readonly undo?: UndoCounts;
}
