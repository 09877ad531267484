/** What a change of a connection answers: the connection, or a preview where the change may leave people out. */

import { z } from 'zod';
import { named } from '../common.ts';
import { Connection } from '../connections.ts';
import { PullPreviewed } from './runs.ts';

export const ConnectionChanged = named('ConnectionChanged', z.union([Connection, PullPreviewed]));
