/** The query parameter of changes that are only previewed unless the caller asks to apply them. */

import { z } from 'zod';

export const APPLY = {
  apply: z
    .boolean()
    .default(false)
    .describe('true does it; otherwise a preview shows what it would change, and nothing is saved.'),
};
