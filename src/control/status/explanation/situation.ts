/** What an explanation is made from, and what it holds. */

import type { IncidentRecord } from '../../../db/brake/incidents.ts';
import type { LossRecord } from '../../../db/brake/losses.ts';
import type { SpeakingUser } from '../../../db/identity/persons.ts';
import type { LastWord } from '../../../db/people/lastWord.ts';
import type { LeaverRecord } from '../../../db/queue/leavers.ts';
import type { TaskRecord } from '../../../db/queue/tasks.ts';
import type { LinkRecord } from '../../../db/seen/links.ts';
import type { StoreRecord } from '../../../db/stores/stores.ts';
import type { PlannedPerson } from '../../../settle/people/look.ts';
import type { PersonStatus } from '../person.ts';
import type { ScopeWord } from '../reasons.ts';

export const STEPS = ['directory', 'speaker', 'scope', 'match', 'plan', 'brake', 'vendor'] as const;
export type StepName = (typeof STEPS)[number];

export const STEP_OUTCOMES = ['yes', 'no', 'stopped', 'notReached'] as const;
export type StepOutcome = (typeof STEP_OUTCOMES)[number];

export interface Step {
  readonly step: StepName;
  readonly outcome: StepOutcome;
  /** One sentence. */
  readonly detail: string;
  readonly evidence?: readonly Evidence[];
  /** ISO time: since when, or when. */
  readonly at?: string;
}

export interface Evidence {
  readonly name: string;
  readonly value: string;
}

export interface Explanation {
  readonly store: PersonStatus['store'];
  /** Why the person has, or lacks, access on the store. */
  readonly sentence: string;
  /** All of `STEPS`, in their order. */
  readonly steps: readonly Step[];
}

/** Everything that the bridge knows of a person on a store. */
export interface Situation extends PlannedPerson {
  readonly store: StoreRecord;
  /** The person's name, for people. */
  readonly display: string;
  /** Null where the directory has no user of the person any more. */
  readonly speaking: SpeakingUser | null;
  readonly word: LastWord | null;
  readonly status: PersonStatus;
  readonly task: TaskRecord | null;
  readonly link: LinkRecord | null;
  readonly scope: ScopeWord;
  /** The bridge leaves the account with their identifier alone: it is protected, or may not be adopted. */
  readonly spared: boolean;
  /** An admin said that this newcomer is not the person who left. */
  readonly isOther: boolean;
  /** Losses that an admin discarded. */
  readonly declined: readonly LossRecord[];
  readonly leaver: LeaverRecord | null;
  readonly incident: IncidentRecord | null;
}

/**
 * A step before it becomes a sentence. A clause has no full stop, and begins with a small letter unless it begins
 * with a name.
 */
export interface StepResult {
  readonly outcome: StepOutcome;
  readonly clause: string;
  readonly evidence?: readonly Evidence[];
  readonly at?: string | null;
}
