/** Every answer in the place of GitLab's, as `losses.ts` plays them; a worker waits for each vendor. */

import { everyAnswerOf } from './losses.ts';

describe('GitLab, on PostgreSQL', () => everyAnswerOf('GitLabSelfManaged', 'postgres'));
