/** `…/events`: the audit log, read only, newest first. */

import { type Request, type Response, Router } from 'express';
import { countEvents, type EventFilter, type EventRecord, listEvents } from '../db/events.ts';
import { isoTime } from '../support/clock.ts';
import { type AdminDeps, environmentOf } from './context.ts';
import { knownQuery, queryMistake, queryText, readPage, sendPage } from './page.ts';
import { route } from './problem.ts';

const FILTERS = ['subjectId', 'storeId', 'kind', 'outcome', 'correlationId', 'from', 'to'] as const;

export function events(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', {
    get: async (req, res) => {
      knownQuery(req, FILTERS);
      await sendEvents(deps, req, res, {
        environmentId: environmentOf(res).id,
        subjectId: text(req, 'subjectId'),
        storeId: text(req, 'storeId'),
        kind: text(req, 'kind'),
        outcome: text(req, 'outcome'),
        correlationId: text(req, 'correlationId'),
        from: time(req, 'from'),
        to: time(req, 'to'),
      });
    },
  });
  return router;
}

/** One page of the events that the filter lets through. */
export async function sendEvents(
  deps: AdminDeps,
  req: Request,
  res: Response,
  filter: EventFilter,
): Promise<void> {
  const page = readPage(req, ['bigint']);
  const before = page.after === null ? null : Number(page.after[0]);
  const rows = await listEvents(deps.db, filter, page.limit + 1, before);
  const count = await countEvents(deps.db, filter);
  sendPage(deps, req, res, page, {
    name: 'events',
    rows,
    count,
    keyOf: (event) => [Number(event.id)],
    toJson: show,
  });
}

function text(req: Request, name: string): string | undefined {
  return queryText(req, name) ?? undefined;
}

function time(req: Request, name: string): string | undefined {
  const given = queryText(req, name);
  if (given === null) return undefined;
  const ms = Date.parse(given);
  if (Number.isNaN(ms)) throw queryMistake(name, 'must be a time such as 2026-01-31T12:00:00Z');
  return isoTime(ms);
}

/** What an event does not have is left out. */
function show(event: EventRecord) {
  const present = Object.entries(event).filter(([, value]) => value !== null);
  return Object.fromEntries(present);
}
