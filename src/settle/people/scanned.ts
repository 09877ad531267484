/**
 * The look at people that goes by a complete scan of the store. It finds what was changed by hand; with `repair` the
 * plan starts from what was found. Reads only.
 */

import { lower } from '../../db/columns.ts';
import type { LinkRecord } from '../../db/seen/links.ts';
import { accountsUnder, type Observation, observationsById } from '../../db/seen/observations.ts';
import type { Attributes, DesiredUser } from '../../model/desired.ts';
import type { RemoteUser } from '../../model/remote.ts';
import { type Drift, type DriftItem, userDrift } from '../../plan/drift.ts';
import { mayBeLate } from '../../plan/people/attributes.ts';
import type { Planning } from '../planning.ts';
import { markedAttributes } from '../situation.ts';
import { byRecords, type LinkSight, losesSuccessor, type Sight } from './look.ts';

/** A scan that was read to its end. */
export interface Scan {
  /** ISO time. */
  readonly began: string;
  /** True: links are planned as the scan found them, so that drift is undone. False: as they are recorded. */
  readonly repair: boolean;
  /** The bridge takes note of changes that bring the store closer to the directory, also without `repair`. */
  readonly takesAgreement: boolean;
}

export function byScan(planning: Planning, scan: Scan): Sight {
  const { db, context } = planning;
  return {
    ...byRecords(planning),
    ...(scan.repair ? { freeSince: scan.began } : {}),
    async lookAtLinks(people, links) {
      const remoteIds = [...links.values()].map((link) => link.remoteId);
      const seen = await observationsById(db, context.store.id, 'user', remoteIds);
      const twins = await duplicatesOf(planning, people, links);
      const foreignKept = markedAttributes(context, 'foreignKept');
      const sightOf = (person: DesiredUser): LinkSight => {
        const link = links.get(person.id) ?? null;
        const duplicates = twins.get(person.id) ?? [];
        if (!link || link.state === 'removed') return { link, duplicates };
        const drift = userDrift(link, person, seen.get(link.remoteId), scan.began, foreignKept);
        const found = takesIn(scan, drift) ? { ...link, ...drift.patch } : link;
        const lost = found.state === 'removed' && losesSuccessor(person, link);
        const shown = shownSince(link, seen.get(link.remoteId));
        return { link: found, lost, shown, drift, duplicates, compared: link };
      };
      return new Map(people.map((person) => [person.id, sightOf(person)]));
    },
  };
}

function shownSince({ updatedAt }: LinkRecord, seen: Observation<'user'> | undefined): Attributes {
  return seen === undefined || mayBeLate(seen.seenAt, updatedAt) ? {} : seen.remote.attributes;
}

export function takesIn({ repair, takesAgreement }: Scan, { patch, items }: Drift<unknown>): boolean {
  return patch !== null && (repair || (takesAgreement && items.length === 0));
}

/** The accounts with the person's identifier, where there is more than one. */
async function duplicatesOf(
  { db, context }: Planning,
  people: readonly DesiredUser[],
  links: ReadonlyMap<string, LinkRecord>,
): Promise<ReadonlyMap<string, readonly DriftItem[]>> {
  const here = people.filter(({ lifecycle, identifier }) => lifecycle === 'active' && identifier !== null);
  const identifiers = here.map((person) => person.identifier as string);
  const accounts = await accountsUnder(db, context.store.id, identifiers);
  const found = new Map<string, readonly DriftItem[]>();
  for (const person of here) {
    const expected = person.identifier as string;
    const all = accounts.get(lower(expected)) ?? [];
    if (all.length < 2) continue;
    const own = links.get(person.id)?.remoteId ?? (all[0] as RemoteUser).remoteId;
    const subject = { kind: 'user', id: person.id, display: person.display } as const;
    const twins = all.filter((account) => account.remoteId !== own);
    found.set(
      person.id,
      twins.map((twin) => ({
        kind: 'duplicateIdentifier',
        subject,
        remoteId: own,
        expected,
        found: `${twin.display} (${twin.remoteId})`,
      })),
    );
  }
  return found;
}
