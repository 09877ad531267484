/**
 * What histories play of "What a vendor's answer is worth" beyond what a vendor does of itself. Drawn from a source of
 * its own, so that all else of a history stays as it was.
 */

import type { Random } from './random.ts';

/** What is played when everything is quiet and judged: a preview is made and done, or creations have to wait. */
export type Ending = 'preview' | 'limit';

export interface RuleThemes {
  readonly ending: Ending | null;
}

export function drawRuleThemes(random: Random): RuleThemes {
  const ending = random.int(0, 99);
  return { ending: ending < 10 ? 'preview' : ending < 20 ? 'limit' : null };
}
