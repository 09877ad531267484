/**
 * Whoever a run would make: a person whom another connection has brought already, somebody new, or nobody, because the list
 * that shows them is an old one. Asks the source about those alone who were deleted here, or would have another's record.
 */

import type { CallContext } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import type { NewLine } from '../../db/pull/changes.ts';
import { deletedSourceIds } from '../../db/pull/directory.ts';
import { type Matching, matchesOf, matchingOf } from '../../db/pull/matches.ts';
import type { Source } from '../../sources/source.ts';
import { ghostsAmong } from '../absent.ts';
import type { Shown } from './shown.ts';

export interface Arrival {
  readonly line: NewLine;
  /** The primary address. */
  readonly email: string | null;
}

export interface ArrivalsDeps {
  readonly db: Db;
  readonly connectionId: string;
  readonly source: Pick<Source, 'lookup'>;
  readonly context: CallContext;
}

export class Arrivals {
  readonly #deps: ArrivalsDeps;
  #matching: Matching | null = null;
  #asked = 0;

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps;
  }

  /** The lines of those who come, of a page. */
  async settle(arrivals: readonly Arrival[], shown: Shown): Promise<readonly NewLine[]> {
    if (arrivals.length === 0) return [];
    const { db, connectionId } = this.#deps;
    const ids = arrivals.map(({ line }) => line.sourceId);
    const deleted = await deletedSourceIds(db, connectionId, 'user', ids);
    this.#matching ??= await matchingOf(db, connectionId);
    // Whoever was in this connection before is who they were.
    const fresh = arrivals.filter(({ line }) => line.op === 'create' && !deleted.has(line.sourceId));
    const elsewhere = await matchesOf(
      db,
      this.#matching,
      fresh.map(({ line, email }) => ({ sourceId: line.sourceId, email })),
    );
    const lines = arrivals.flatMap(({ line }) => matched(line, elsewhere.get(line.sourceId) ?? [], shown));
    const doubted = lines.filter(({ op, sourceId }) => op === 'reactivate' || deleted.has(sourceId));
    const asked = doubted.map(({ sourceId }) => sourceId);
    return asked.length === 0 ? lines : this.#withoutGhosts(lines, asked, shown);
  }

  /** A replica that lags brings nobody back who was deleted, and gives nobody's record to them. */
  async #withoutGhosts(
    lines: readonly NewLine[],
    asked: readonly string[],
    shown: Shown,
  ): Promise<readonly NewLine[]> {
    const { source, context } = this.#deps;
    const { ghosts, unknown } = await ghostsAmong('user', asked, source, context, this.#asked);
    this.#asked += asked.length;
    for (const id of ghosts) {
      shown.absent.add(id);
      shown.skipped += 1;
      shown.problems.add(`${id} is in the list, and the source does not show who that is: not brought back.`);
    }
    for (const id of unknown) {
      shown.absent.add(id);
      shown.unknown += 1;
      shown.problems.add(
        `${id} was deleted and is in the list; whether that is so, the next run asks again.`,
      );
    }
    return lines.filter(({ sourceId }) => !ghosts.has(sourceId) && !unknown.has(sourceId));
  }
}

/** Whom another connection has brought is the same person; of whom it could be several nobody is made. */
function matched(line: NewLine, persons: readonly string[], shown: Shown): readonly NewLine[] {
  const [personId] = persons;
  if (personId === undefined) return [line];
  if (persons.length === 1) return [{ ...line, op: 'match', personId }];
  shown.skipped += 1;
  shown.absent.add(line.sourceId);
  shown.problems.add(
    `${line.display} could be one of ${persons.length} people of other connections: it waits.`,
  );
  return [];
}
