/** What the planner is told of a person who may not be who they seem to be. */

import type { Hold } from '../../model/change.ts';

export interface Doubts {
  /** Why nothing is done for the person: somebody else comes first. */
  readonly yieldsTo: string | null;
  /** The account of somebody who left, who may be this very person; an admin is asked. */
  readonly question: { readonly remoteId: string; readonly hold: Hold } | null;
  /** Another connection speaks for the person since the one that did is gone. */
  readonly newSpeaker: NewSpeaker | null;
}

export interface NewSpeaker {
  readonly hold: Hold;
  /** By the word of the connection that spoke before, the person had left already. */
  readonly hadLeft: boolean;
}

export const NOTHING_IN_DOUBT: Doubts = { yieldsTo: null, question: null, newSpeaker: null };

interface InDoubt {
  readonly doubts: Doubts;
}

/** Of what another connection's word alone would give back, or change of the account's identity. */
export function byNewSpeaker({ doubts }: InDoubt): { readonly hold?: Hold } {
  return doubts.newSpeaker ? { hold: doubts.newSpeaker.hold } : {};
}

/** Of an account for somebody who had left before another connection spoke for them. */
export function byNewSpeakerAfterLeaving(situation: InDoubt): { readonly hold?: Hold } {
  return situation.doubts.newSpeaker?.hadLeft ? byNewSpeaker(situation) : {};
}
