/**
 * Decides whom a run would make: a person whom another connection brought already, somebody new, or nobody, because
 * the list that shows them is old. It asks the source only about people who were deleted here, or who would take over
 * another person's record.
 */

import type { CallContext } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import type { NewLine } from '../../db/pull/changes.ts';
import { deletedSourceIds } from '../../db/pull/directory.ts';
import { type Match, matchesOf, matchingOf } from '../../db/pull/matches.ts';
import type { Source } from '../../sources/source.ts';
import { ghostsAmong } from '../absent.ts';
import type { Shown } from './shown.ts';

export interface Arrival {
  readonly line: NewLine;
  /** The primary address. */
  readonly email: string | null;
  /** Inactive, and somebody else has the same address. */
  readonly isSecond: boolean;
}

export interface ArrivalsDeps {
  readonly db: Db;
  readonly connectionId: string;
  readonly source: Pick<Source, 'lookup'>;
  readonly context: CallContext;
}

export class Arrivals {
  readonly #deps: ArrivalsDeps;
  #matching: ReturnType<typeof matchingOf> | null = null;
  /** Persons that newcomers were matched with: two users of one connection are never the same person. */
  readonly #taken = new Set<string>();
  #asked = 0;

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps;
  }

  /** The lines for one page of newcomers. */
  async settle(arrivals: readonly Arrival[], shown: Shown): Promise<readonly NewLine[]> {
    if (arrivals.length === 0) return [];
    const { db, connectionId } = this.#deps;
    const ids = arrivals.map(({ line }) => line.sourceId);
    const deleted = await deletedSourceIds(db, connectionId, 'user', ids);
    this.#matching ??= matchingOf(db, connectionId);
    // Somebody who was in this connection before stays the same person.
    const fresh = arrivals.filter(({ line }) => line.op === 'create' && !deleted.has(line.sourceId));
    const elsewhere = await matchesOf(
      db,
      await this.#matching,
      fresh.map(({ line, email }) => ({ sourceId: line.sourceId, email })),
    );
    const lines = arrivals.flatMap((arrival) =>
      this.#matched(arrival, elsewhere.get(arrival.line.sourceId), shown),
    );
    const doubted = lines.filter(({ op, sourceId }) => op === 'reactivate' || deleted.has(sourceId));
    const asked = doubted.map(({ sourceId }) => sourceId);
    return asked.length === 0 ? lines : this.#withoutGhosts(lines, asked, shown);
  }

  /** A replica that lags must neither bring back somebody who was deleted nor give them another person's record. */
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

  /**
   * Somebody whom another connection brought is the same person. The bridge makes nobody where several persons match,
   * nor where the address alone matches and another user of the scan fits better: the one who has the person's id, or
   * one who is active.
   */
  #matched({ line, isSecond }: Arrival, match: Match | undefined, shown: Shown): readonly NewLine[] {
    if (match === undefined || match.persons.length === 0) return [line];
    const other =
      match.otherIds.find((id) => shown.ids.has(id)) ?? (match.byAddress && isSecond ? 'another' : null);
    const persons = match.persons.filter((id) => !this.#taken.has(id));
    const [personId] = persons;
    if (personId === undefined && other === null) return [line];
    if (personId !== undefined && persons.length === 1 && other === null) {
      this.#taken.add(personId);
      return [{ ...line, op: 'match', personId }];
    }
    shown.skipped += 1;
    shown.absent.add(line.sourceId);
    shown.problems.add(
      other === null
        ? `${line.display} could be one of ${persons.length} people of other connections: it waits.`
        : `${line.display} could be somebody of another connection, and so could ${other} with the address: it waits.`,
    );
    return [];
  }
}
