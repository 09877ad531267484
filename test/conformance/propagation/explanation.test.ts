/** Why somebody has, or has no, access, in every situation; on PostgreSQL in `explanation.long.test.ts`. */

import { playSituations } from './situations.ts';

describe('on sqlite', () => playSituations('sqlite'));
