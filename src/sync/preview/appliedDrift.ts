/**
 * What a preview marked as changed by hand. The bridge takes note of it when an admin applies the preview, as a sync
 * that repairs does, so that the tasks plan what the preview showed.
 */

import type { Db } from '../../db/open.ts';
import type { PreviewRecord } from '../../db/runs/previews.ts';
import { updateLink } from '../../db/seen/links.ts';
import type { Subject } from '../../model/subject.ts';
import { groupsByRecords, lookAtGroups } from '../../settle/groups/look.ts';
import { planPeople } from '../../settle/people/look.ts';
import { byScan, type Scan } from '../../settle/people/scanned.ts';
import { recordNameDrift, recordPersonDrift, type Step } from '../recordDrift.ts';
import { withScannedNames } from '../scannedNames.ts';

/** ISO time: when the preview's scan began. */
export function beganOf({ position, createdAt }: PreviewRecord): string {
  return position?.began ?? createdAt;
}

/** Answers a function that writes the notes. Call it in the transaction that queues the subjects. */
export async function lookAtDrift(
  step: Step,
  preview: PreviewRecord,
  drifted: readonly Subject[],
): Promise<(tx: Db) => Promise<void>> {
  const scan: Scan = {
    began: beganOf(preview),
    repair: true,
    takesAgreement: true,
  };
  const idsOf = (kind: Subject['kind']) => [
    ...new Set(drifted.flatMap((subject) => (subject.kind === kind ? [subject.id] : []))),
  ];
  const people = await planPeople(step, byScan(step, scan), idsOf('user'));
  const recorded = await lookAtGroups(step, groupsByRecords(step), idsOf('group'));
  const groups = await withScannedNames(step, scan, recorded);
  return async (tx) => {
    for (const { facts } of people) await recordPersonDrift(tx, step, scan, facts);
    for (const facts of groups) {
      await recordNameDrift(tx, step, scan, facts);
      // The group's task then reads its members.
      if (facts.link) await updateLink(tx, facts.link.id, { membersReadAt: null }, step.now());
    }
  };
}
