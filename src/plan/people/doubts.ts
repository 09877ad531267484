/** What the planner knows of a person who may not be who they seem to be. */

import type { AttributeChange, Hold } from '../../model/change.ts';

export interface Doubts {
  /** Why the person gets no account: somebody else comes first. */
  readonly yieldsTo: string | null;
  /** The account of somebody who left, and who may be this very person: an admin is asked. */
  readonly question: { readonly remoteId: string; readonly hold: Hold } | null;
  /** Another connection speaks for the person, because the former one no longer does. */
  readonly newSpeaker: NewSpeaker | null;
  /** Somebody else's address can be mistaken for this person's. */
  readonly lookalike: Lookalike | null;
}

export interface Lookalike {
  readonly hold: Hold;
  /** In lower case. */
  readonly address: string;
}

export interface NewSpeaker {
  readonly hold: Hold;
  /** According to the former connection, the person had left already. */
  readonly hadLeft: boolean;
}

export const NOTHING_IN_DOUBT: Doubts = { yieldsTo: null, question: null, newSpeaker: null, lookalike: null };

type Held = { readonly hold?: Hold };

interface InDoubt {
  readonly doubts: Doubts;
}

/** Holds what another connection's word alone would give back, or change in the account's identity. */
export function byNewSpeaker({ doubts }: InDoubt): Held {
  return doubts.newSpeaker ? { hold: doubts.newSpeaker.hold } : {};
}

/** Holds an account that the person would get. */
export function heldForNewcomer({ doubts }: InDoubt): Held {
  // The person had left before another connection spoke for them.
  if (doubts.newSpeaker?.hadLeft) return { hold: doubts.newSpeaker.hold };
  return doubts.lookalike ? { hold: doubts.lookalike.hold } : {};
}

/** Holds a change of the account's identity. */
export function heldForIdentity(situation: InDoubt, attributes: readonly AttributeChange[]): Held {
  const { newSpeaker, lookalike } = situation.doubts;
  if (newSpeaker || !lookalike) return byNewSpeaker(situation);
  const isMeant = attributes.some(({ to }) => to.toLowerCase() === lookalike.address);
  return isMeant ? { hold: lookalike.hold } : {};
}
