/**
 * What the rules of a store add up to: AND within a rule, OR across active rules. Without an active rule everyone and
 * every group is in scope. Pure, except for `peopleInScope`.
 */

import type { UserRecord } from '../db/identity/users.ts';
import type { SqlCondition } from '../db/lists/resources.ts';
import type { Db, Dialect } from '../db/open.ts';
import type { RuleRecord } from '../db/stores/rules.ts';
import { peopleMeeting } from '../db/stores/scope.ts';
import { parseFilter } from '../directory/query/parse.ts';
import { filterToSql } from '../directory/query/sql.ts';

export type RuleTerms = Pick<RuleRecord, 'active' | 'populationExpression' | 'groups'> &
  Partial<Pick<RuleRecord, 'name'>>;

export interface Scope {
  /** A condition on the rows of `users`; null: everyone. */
  readonly people: SqlCondition | null;
  /** The SCIM groups in scope; null: all. */
  readonly groups: ReadonlySet<string> | null;
  /** The groups that active rules name. */
  readonly named: ReadonlySet<string>;
  /** The groups among them whose members decide who is in scope; none where a rule includes everyone. */
  readonly deciding: ReadonlySet<string>;
  /** The active rules that this scope is made of. */
  readonly rules: readonly RuleTerms[];
}

const EVERYTHING: Scope = { people: null, groups: null, named: new Set(), deciding: new Set(), rules: [] };

/** Throws FilterError where an expression cannot be read any more: that never means "nobody". */
export function scopeOf(rules: readonly RuleTerms[], dialect: Dialect): Scope {
  const active = rules.filter((rule) => rule.active);
  if (active.length === 0) return EVERYTHING;
  const conditions = active.map((rule) => conditionOf(rule, dialect));
  const named = new Set(active.flatMap((rule) => rule.groups));
  const whoever = conditions.some((condition) => condition === null);
  return {
    people: whoever
      ? null
      : joined(
          conditions.filter((condition) => condition !== null),
          'or',
        ),
    groups: active.some((rule) => rule.groups.length === 0) ? null : named,
    named,
    deciding: whoever ? new Set() : named,
    rules: active,
  };
}

/** Null where the rule includes everyone. */
function conditionOf(rule: RuleTerms, dialect: Dialect): SqlCondition | null {
  const parts: SqlCondition[] = [];
  if (rule.populationExpression !== null) {
    // It was within the limits when it was saved.
    const filter = parseFilter(rule.populationExpression, Number.POSITIVE_INFINITY);
    parts.push(filterToSql(filter, 'user', dialect, { withIdentities: true }));
  }
  if (rule.groups.length > 0) parts.push(memberOfAny(rule.groups));
  return parts.length === 0 ? null : joined(parts, 'and');
}

/** As everywhere, a person is a member through any of their live users, of whichever connection. */
function memberOfAny(groupIds: readonly string[]): SqlCondition {
  const marks = groupIds.map(() => '?').join(', ');
  return {
    sql: `exists (select 1 from users as self join group_members as belonging on belonging.user_id = self.id where self.person_id = users.person_id and self.deleted_at is null and belonging.group_id in (${marks}))`,
    bindings: groupIds,
  };
}

function joined(parts: readonly SqlCondition[], operator: 'and' | 'or'): SqlCondition {
  return {
    sql: `(${parts.map(({ sql }) => `(${sql})`).join(` ${operator} `)})`,
    bindings: parts.flatMap(({ bindings }) => bindings),
  };
}

/** The ids of the persons who are in scope. `speaking`: their speaking users. */
export async function peopleInScope(
  db: Db,
  scope: Scope,
  speaking: readonly UserRecord[],
): Promise<ReadonlySet<string>> {
  if (scope.people === null) return new Set(speaking.map((user) => user.personId));
  return peopleMeeting(
    db,
    speaking.map((user) => user.id),
    scope.people,
  );
}

export function groupInScope(scope: Scope, groupId: string): boolean {
  return scope.groups === null || scope.groups.has(groupId);
}
