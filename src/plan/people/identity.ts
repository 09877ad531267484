/**
 * Which replaced identity attributes a decision covers. An admin decides on each attribute together with its wanted
 * value, so the decision holds whatever else the next plan wants for the account. Pure.
 */

import {
  type AttributeChange,
  type Change,
  type IdentityUpdate,
  replacesIdentity,
} from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';

/** A loss that was planned before. */
interface Planned {
  readonly change: Change;
}

export function says({ change }: Planned, { name, to }: AttributeChange): boolean {
  return replacesIdentity(change) && change.attributes.some((a) => a.name === name && a.to === to);
}

export function overlaps(before: Planned, { attributes }: IdentityUpdate): boolean {
  return attributes.some((attribute) => says(before, attribute));
}

export function covers(before: Planned, { attributes }: IdentityUpdate): boolean {
  return attributes.every((attribute) => says(before, attribute));
}

/** Whether the directory still wants such a value, whether it is planned now or not. */
export function isStillWanted({ change }: Planned, wanted: Attributes): boolean {
  return replacesIdentity(change) && change.attributes.some(({ name, to }) => wanted[name] === to);
}
