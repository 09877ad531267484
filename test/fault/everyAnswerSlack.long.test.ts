/** Every answer in the place of Slack's, as `losses.ts` plays them; a worker waits for each vendor. */

import { everyAnswerOf } from './losses.ts';

describe('Slack, on SQLite', () => everyAnswerOf('Slack', 'sqlite'));
