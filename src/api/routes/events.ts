/** `…/events`: the audit log, read only, newest first; also of an environment that is deleted. */

import { isoTime } from '../../support/clock.ts';
import { endpoint, ok } from '../endpoint.ts';
import { PAGE } from '../lists.ts';
import { pageOfEvents } from '../present/events.ts';
import { EVENT_QUERY, EventList } from '../schemas/events.ts';

export const events = {
  listEvents: endpoint({
    method: 'get',
    path: '/environments/:envId/events',
    scope: 'read',
    afterDeletion: true,
    summary: 'List what happened, newest first',
    query: { ...PAGE, ...EVENT_QUERY },
    answers: { 200: EventList },
    handle: async (call, deps) => {
      const { limit: _, cursor: _cursor, from, to, ...filter } = call.query;
      return ok(
        await pageOfEvents(deps, call, {
          environmentId: call.environment.id,
          ...filter,
          from: from && isoTime(Date.parse(from)),
          to: to && isoTime(Date.parse(to)),
        }),
      );
    },
  }),
};
