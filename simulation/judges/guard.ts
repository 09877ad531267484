/**
 * Looks at every write of the bridge at one vendor before it is done. By the tables of docs/design.md and product.md,
 * may this write be, given the directory and the settings at some moment since the work began? Never asks the bridge.
 */

import { ARRIVED_LATE, type Caller, type Turn } from '../vendors/network.ts';
import type { AccountWrite, Write } from '../vendors/writes.ts';
import { accountSubjects, judgeAccountWrite } from './accounts.ts';
import { groupSubjects, judgeGroupWrite, judgeMemberWrite } from './memberships.ts';
import { Records, type RecordsDeps } from './records.ts';

export interface GuardDeps extends RecordsDeps {
  note(what: string): void;
}

export class Guard {
  readonly records: Records;
  readonly violations: string[] = [];
  /** How many writes a worker may still make that stood still and lost the lease. */
  staleAllowed = 0;
  /** For each subject, when the last work that wrote something began. */
  readonly #worked = new Map<string, number>();
  readonly #note: (what: string) => void;

  constructor(deps: GuardDeps) {
    this.records = new Records(deps);
    this.#note = deps.note;
  }

  diverged(why: string): void {
    this.records.needsSync = why;
    if (why === ARRIVED_LATE) this.records.isUntraceable = true;
    this.#note(why);
  }

  stopped(turn: Turn): void {
    this.records.brake.stopped(turn);
  }

  onWrite(turn: Turn, write: Write, caller: Caller): void {
    const { records } = this;
    const subjects = write.kind === 'user' ? accountSubjects(records, write) : groupSubjects(records, write);
    records.deeds.push({ write, subjects, caller });
    this.#note(describe(write));
    const tick = records.model.heardSince(turn.tick, subjects);
    const complaint = this.#judge({ ...turn, tick }, write, caller);
    if (complaint) this.violations.push(`${describe(write)}: ${complaint}`);
    if (this.#isStale(turn, write, caller)) {
      this.violations.push(`${describe(write)}: work that began later has written already`);
    }
    if (write.kind !== 'group') records.decisions.noteTaken(write);
    if (write.kind === 'user') this.#remember(turn, write, caller);
    if (write.kind === 'group' && write.op === 'create') records.own.madeGroup(write);
    if (write.kind === 'group' && write.op === 'update') records.keepName(write.groupId);
    if (write.kind === 'member') records.own.keepMembership(write);
  }

  #judge(turn: Turn, write: Write, caller: Caller): string | null {
    switch (write.kind) {
      case 'user':
        return judgeAccountWrite(this.records, turn, write, caller);
      case 'group':
        return judgeGroupWrite(this.records, turn, write);
      case 'member':
        return judgeMemberWrite(this.records, turn, write);
    }
  }

  /** Of two workers, the one whose work began earlier has lost the lease. */
  #isStale(turn: Turn, write: Write, caller: Caller): boolean {
    const key =
      write.kind === 'user'
        ? write.accountId
        : `${write.groupId} ${'accountId' in write ? write.accountId : ''}`;
    const last = this.#worked.get(key) ?? 0;
    this.#worked.set(key, Math.max(last, turn.at));
    if (turn.at >= last || caller !== 'waits') return false;
    this.staleAllowed -= 1;
    return this.staleAllowed < 0;
  }

  #remember(turn: Turn, write: AccountWrite, caller: Caller): void {
    const { own, sight, touchedByHand, disabledFor } = this.records;
    const { accountId, op } = write;
    if (op === 'create') own.madeAccount(accountId, write.attributes.email ?? '', caller);
    if (op === 'disable') {
      const owner = own.ownerOf(accountId);
      const standings = owner ? sight.personSince(owner, turn.tick) : [];
      disabledFor.set(accountId, new Set(standings.map(({ lifecycle }) => lifecycle)));
    }
    if (op === 'enable') disabledFor.delete(accountId);
    if (op === 'disable' || op === 'delete') own.dropMemberships(accountId, op);
    touchedByHand.delete(accountId);
  }
}

function describe(write: Write): string {
  switch (write.kind) {
    case 'user':
      return `${write.op} ${write.accountId} ${JSON.stringify(write.attributes)}`;
    case 'group':
      return `${write.op} group ${write.groupId} ${write.name}`;
    case 'member':
      return `${write.op} ${write.accountId} in ${write.groupId}`;
  }
}
