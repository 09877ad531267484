/** Checks rules: the expression must make sense, and the groups must exist. Writes nothing. */

import { findGroupOfEnvironment, findGroupsEvenDeleted } from '../db/identity/groups.ts';
import type { Db, Dialect } from '../db/open.ts';
import type { Offered } from '../db/pull/enrichment.ts';
import type { RuleRecord } from '../db/stores/rules.ts';
import { type Filter, FilterError } from '../directory/query/ast.ts';
import {
  type AttributeChain,
  leafOf,
  resolveAttribute,
  subAttribute,
} from '../directory/query/attributes.ts';
import { POPULATION_COMPARISONS_MAX, parseFilter } from '../directory/query/parse.ts';
import { type Mistake, RequestError } from '../model/errors.ts';
import { type IdentityPath, identityPath } from '../model/pull/identity.ts';
import { isMetadata } from '../model/source.ts';
import { type RuleTerms, scopeOf } from '../stores/scope.ts';

/** How many rules a store may have, active or not. */
export const RULES_PER_STORE_MAX = 50;
/** How many values all active rules of a store may compare with: SQLite binds 32,766 in a query. */
const VALUES_MAX = 20_000;

/**
 * Finds mistakes in expressions: nobody has a value for a misspelt attribute, and the rule would put everyone out of
 * scope.
 */
export function expressionMistakes(text: string, dialect: Dialect, offered: Offered): readonly Mistake[] {
  const mistake = (detail: string) => [{ pointer: '/populationExpression', detail }];
  try {
    const problem = problemOf(parseFilter(text, POPULATION_COMPARISONS_MAX), null, offered);
    if (problem !== null) return mistake(problem);
    scopeOf([{ active: true, populationExpression: text, groups: [] }], dialect);
    return [];
  } catch (error) {
    if (error instanceof FilterError)
      return mistake(`populationExpression is not understood: ${error.message}`);
    throw error;
  }
}

/** `inside` is the attribute to whose elements the expression applies; null where it applies to the user. */
function problemOf(filter: Filter, inside: AttributeChain | null, offered: Offered): string | null {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return (
        filter.terms.map((term) => problemOf(term, inside, offered)).find((problem) => problem !== null) ??
        null
      );
    case 'not':
      return problemOf(filter.term, inside, offered);
    case 'elements': {
      const chain = chainOf(filter.attribute, inside);
      return nameProblem(filter.attribute, chain) ?? problemOf(filter.filter, chain, offered);
    }
    default: {
      const path = inside === null ? identityPath(filter.attribute) : null;
      if (path) return handleProblem(filter.attribute, path, offered.handles);
      if (inside === null && isMetadata(filter.attribute)) return metadataProblem(filter.attribute, offered);
      return nameProblem(filter.attribute, chainOf(filter.attribute, inside));
    }
  }
}

function metadataProblem(name: string, { metadata }: Offered): string | null {
  return metadata.has(name)
    ? null
    : `populationExpression names ${name}, and no mapping of a pulled connection has that target`;
}

function handleProblem(name: string, { handle }: IdentityPath, handles: ReadonlySet<string>): string | null {
  return handles.has(handle)
    ? null
    : `populationExpression names ${name}, and no connection that adds identities has the handle ${handle}`;
}

function chainOf(name: string, inside: AttributeChain | null): AttributeChain | null {
  if (inside === null) return resolveAttribute('user', name);
  const sub = subAttribute(leafOf(inside), name);
  return sub && [...inside, sub];
}

function nameProblem(name: string, chain: AttributeChain | null): string | null {
  if (chain === null) return `populationExpression names ${name}, which is no attribute of a SCIM user`;
  if (chain[0].name !== 'groups') return null;
  return 'populationExpression cannot test groups: name them in groups, one of which must have the person';
}

/** A group that was deleted after the rule named it may stay in the rule: it has no members any more. */
export async function groupMistakes(
  db: Db,
  environmentId: string,
  groupIds: readonly string[],
  before: readonly string[],
): Promise<readonly Mistake[]> {
  const mistakes: Mistake[] = [];
  for (const [index, id] of groupIds.entries()) {
    if (before.includes(id) || (await findGroupOfEnvironment(db, environmentId, id))) continue;
    mistakes.push({ pointer: `/groups/${index}/id`, detail: `there is no group ${id} in this environment` });
  }
  return mistakes;
}

/** For each rule with a problem, which of its groups are gone. */
export async function ruleProblems(
  db: Db,
  rules: readonly RuleRecord[],
): Promise<ReadonlyMap<string, string>> {
  const groups = await findGroupsEvenDeleted(db, [...new Set(rules.flatMap((rule) => rule.groups))]);
  const problems = new Map<string, string>();
  for (const rule of rules) {
    const gone = rule.groups.filter((id) => groups.get(id)?.deletedAt !== null);
    if (gone.length === 0) continue;
    const names = gone.map((id) => `"${groups.get(id)?.displayName ?? id}"`).join(', ');
    const which = gone.length === 1 ? `The group ${names} was` : `The groups ${names} were`;
    problems.set(
      rule.id,
      `${which} deleted, so that nobody is in scope by it. One of the same externalId takes its place when it comes back; or name another group.`,
    );
  }
  return problems;
}

/** Throws a 409 where the rules of a store are too many, or too large, for one query. */
export function refuseTooMuch(rules: readonly RuleTerms[], dialect: Dialect): void {
  if (rules.length > RULES_PER_STORE_MAX) {
    throw new RequestError(409, `A store has at most ${RULES_PER_STORE_MAX} rules; join some with "or".`);
  }
  const values = scopeOf(rules, dialect).people?.bindings.length ?? 0;
  if (values > VALUES_MAX) {
    throw new RequestError(
      409,
      `The active rules of this store compare with ${values} values; ${VALUES_MAX} are the most. Use a group in place of long lists.`,
    );
  }
}
