/**
 * Takes the lines of a run as they are found. It counts what the brake and the summary need and writes the lines away
 * page by page: all lines of a company are never in memory together.
 */

import type { NewLine } from '../../db/pull/changes.ts';
import { isLeaving, lossKey, replacedIdentity } from '../../model/pull/losses.ts';
import type { PullOp, PullSummary } from '../../model/pull/pull.ts';

export interface SinkDeps {
  /** Keys of losses that an admin discarded before. */
  readonly discarded: ReadonlySet<string>;
  /** False where the directory already has this person as inactive. */
  wasActive(sourceId: string): boolean;
  write(firstSeq: number, lines: readonly NewLine[]): Promise<void>;
}

const LINES_AT_ONCE = 400;

export class LineSink {
  readonly #deps: SinkDeps;
  readonly #counts = new Map<string, number>();
  readonly #shrinking = new Set<string>();
  readonly #losing = new Set<string>();
  readonly #stillDiscarded = new Set<string>();
  #page: NewLine[] = [];
  #nextSeq = 1;
  #leaving = 0;
  #renaming = 0;

  constructor(deps: SinkDeps) {
    this.#deps = deps;
  }

  async add(found: NewLine): Promise<void> {
    const line = this.#withoutDeclined(found);
    if (line === null) return;
    this.#note(line);
    this.#page.push(line);
    if (this.#page.length >= LINES_AT_ONCE) await this.flush();
  }

  /** The line without the losses that an admin declined; null where nothing else is left of it. */
  #withoutDeclined(line: NewLine): NewLine | null {
    const { discarded } = this.#deps;
    const key = discarded.size > 0 ? lossKey(line) : '';
    if (!discarded.has(key)) return line;
    this.#stillDiscarded.add(key);
    const keeps = replacedIdentity(line).map(({ name }) => name);
    const attributes = (line.detail.attributes ?? []).filter(({ name }) => !keeps.includes(name));
    const isNothing = keeps.length === 0 || (line.op === 'update' && attributes.length === 0);
    return isNothing ? null : { ...line, detail: { ...line.detail, attributes, keeps } };
  }

  #note(line: NewLine): void {
    const { op, kind, sourceId, detail, display } = line;
    const what = `${kind} ${op}`;
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    if (isLeaving(line) && this.#deps.wasActive(sourceId)) this.#leaving += 1;
    if (isLeaving(line) || op === 'leave') this.#losing.add(sourceId);
    const isThere = op === 'reactivate' || this.#deps.wasActive(sourceId);
    if (isThere && replacedIdentity(line).length > 0) this.#renaming += 1;
    const shrinks =
      kind === 'group' && op === 'remove' ? display : op === 'leave' ? detail.group?.display : undefined;
    if (shrinks !== undefined) this.#shrinking.add(shrinks);
  }

  async flush(): Promise<void> {
    const page = this.#page;
    if (page.length === 0) return;
    await this.#deps.write(this.#nextSeq, page);
    this.#nextSeq += page.length;
    this.#page = [];
  }

  /** Active people who would become inactive or be removed. */
  get leaving(): number {
    return this.#leaving;
  }

  /**
   * Active or returning people whose userName or address changes: stores would find their accounts by another value,
   * or not at all.
   */
  get renaming(): number {
    return this.#renaming;
  }

  /** People who would lose access or a membership. */
  get losing(): number {
    return this.#losing.size;
  }

  /** Discarded losses that this run shows again. */
  get stillDiscarded(): ReadonlySet<string> {
    return this.#stillDiscarded;
  }

  /** Whether something is taken from the group with this name. Losses that an admin declined do not count. */
  shrinks(group: string): boolean {
    return this.#shrinking.has(group);
  }

  summary(seen: Pick<PullSummary, 'unchanged' | 'filtered' | 'skipped' | 'unknown'>): PullSummary {
    const count = (kind: NewLine['kind'], op: PullOp) => this.#counts.get(`${kind} ${op}`) ?? 0;
    return {
      created: count('user', 'create') + count('user', 'match'),
      updated: count('user', 'update'),
      deactivated: count('user', 'deactivate'),
      reactivated: count('user', 'reactivate'),
      deleted: count('user', 'remove'),
      ...seen,
      groups: {
        created: count('group', 'create'),
        updated: count('group', 'update'),
        deleted: count('group', 'remove'),
        joined: count('user', 'join'),
        left: count('user', 'leave'),
      },
    };
  }
}
