/** `…/events`: the audit log, read-only, newest first or as a live stream; also for a deleted environment. */

import type { EventFilter } from '../../db/lists/events.ts';
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
      const { limit: _, cursor: _cursor, ...asked } = call.query;
      return ok(await pageOfEvents(deps, call, filterOf(call.environment.id, asked)));
    },
  }),

  streamEvents: endpoint({
    method: 'get',
    path: '/environments/:envId/events/stream',
    scope: 'read',
    afterDeletion: true,
    summary: 'Follow what happens, as server-sent events',
    query: EVENT_QUERY,
    answers: {
      200: {
        mediaType: 'text/event-stream; charset=utf-8',
        description:
          'Server-sent events without an end: `data:` is an Event, `id:` where to go on after a break; a comment comes every 15 seconds',
      },
    },
    refusals: {
      410: 'The Last-Event-ID is not of this audit log, or no longer.',
      429: 'The token has 20 streams open already.',
    },
    handle: async ({ environment, query, lastEventId, admin }, { eventStreams }) =>
      ok(
        await eventStreams.open({
          filter: filterOf(environment.id, query),
          lastEventId,
          tokenId: admin.cause.actor.id ?? '',
          stillHolds: admin.stillHolds,
        }),
      ),
  }),
};

type Asked = Omit<EventFilter, 'environmentId'>;

function filterOf(environmentId: string, { from, to, ...asked }: Asked): EventFilter {
  const time = (text: string | undefined) => text && isoTime(Date.parse(text));
  return { environmentId, ...asked, from: time(from), to: time(to) };
}
