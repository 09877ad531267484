/** Why somebody has, or has no, access, in every situation, on the other database. */

import { playSituations } from './situations.ts';

describe('on postgres', () => playSituations('postgres'));
