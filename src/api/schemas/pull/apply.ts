/** The query parameter of what is shown first, and done where somebody says so. */

import { z } from 'zod';

export const APPLY = {
  apply: z
    .boolean()
    .default(false)
    .describe('true does it; otherwise a preview shows what it would change, and nothing is saved.'),
};
