/** What a change of a connection answers: the connection, or the preview of what may leave people out. */

import { z } from 'zod';
import { named } from '../common.ts';
import { Connection } from '../connections.ts';
import { PullPreviewed } from './runs.ts';

export const ConnectionChanged = named('ConnectionChanged', z.union([Connection, PullPreviewed]));
