/**
 * `…/propagation/rules`: which people and groups are in scope of a store. Every change answers whom it moves into or
 * out of scope; with `?preview=true` it changes nothing.
 */

import { z } from 'zod';
import type { Impact } from '../../control/impact.ts';
import { ruleProblems } from '../../control/ruleChecks.ts';
import { createRule, type RuleInput, removeRule, replaceRule, type Saved } from '../../control/rules.ts';
import { getRule, listRules, type RuleRecord, rulesOf } from '../../db/stores/rules.ts';
import type { ApiDeps } from '../deps.ts';
import { created, endpoint, noContent, ok } from '../endpoint.ts';
import { href } from '../href.ts';
import { keyOfRecord, PAGE, page, readCursorOfRecords } from '../lists.ts';
import { applyPatch } from '../patch.ts';
import { notFound } from '../path.ts';
import {
  NewRule,
  RULE_QUERY,
  Rule,
  RuleImpact,
  RuleList,
  RulePatch,
  RuleReplacement,
  SavedRule,
  SavedRuleOrImpact,
} from '../schemas/rules.ts';

const RULES = '/environments/:envId/propagation/rules';
const RULE = '/environments/:envId/propagation/rules/:ruleId';
const WIDENS =
  'It is the last active rule of its store and nobody said `widen`, or the store is being deleted.';
const MOVED = 'It is not at the version of If-Match.';

export const rules = {
  listRules: endpoint({
    method: 'get',
    path: RULES,
    scope: 'read',
    summary: 'List the rules of an environment, or of one store',
    query: { ...PAGE, storeId: z.string().optional() },
    answers: { 200: RuleList },
    handle: async (call, deps) => {
      const { environment, query } = call;
      const { storeId = null, limit } = query;
      const counted = await rulesOf(deps.db, environment.id, storeId).count({ n: '*' }).first();
      const rows = await listRules(deps.db, environment.id, storeId, limit + 1, readCursorOfRecords(query));
      const problems = await ruleProblems(deps.db, rows);
      return ok(
        page(call, {
          name: 'rules',
          rows,
          count: Number(counted?.n ?? 0),
          keyOf: keyOfRecord,
          show: (rule) => show(deps, rule, problems.get(rule.id)),
        }),
      );
    },
  }),

  createRule: endpoint({
    method: 'post',
    path: RULES,
    scope: 'write',
    summary: 'Make a rule, or see whom it would move',
    query: RULE_QUERY,
    body: NewRule,
    answers: { 200: RuleImpact, 201: SavedRule },
    refusals: { 409: 'The store has too many rules, or is being deleted.' },
    handle: async ({ environment, query, body, cause }, deps) => {
      const made = await createRule(deps.propagation, environment.id, inputOf(body, true), query, cause);
      if (!isSaved(made)) return ok({ impact: made });
      const { rule, impact } = made;
      const shown = await showNow(deps, rule);
      return created({ ...shown, impact }, ruleHref(deps, rule), { version: rule.updatedAt });
    },
  }),

  readRule: endpoint({
    method: 'get',
    path: RULE,
    scope: 'read',
    summary: 'Show a rule',
    answers: { 200: Rule },
    handle: async ({ environment, params: { ruleId } }, deps) => {
      const rule = await ruleOf(deps, environment.id, ruleId);
      return ok(await showNow(deps, rule), { version: rule.updatedAt });
    },
  }),

  replaceRule: endpoint({
    method: 'put',
    path: RULE,
    scope: 'write',
    summary: 'Replace a rule, or see whom that would move',
    query: RULE_QUERY,
    body: RuleReplacement,
    answers: { 200: SavedRuleOrImpact },
    refusals: { 409: WIDENS, 412: MOVED },
    handle: async ({ environment, params: { ruleId }, query, body, expected, cause }, deps) => {
      const { active } = await ruleOf(deps, environment.id, ruleId);
      const [input, options] = [inputOf(body, active), { ...query, expected }];
      const replaced = await replaceRule(deps.propagation, environment.id, ruleId, input, options, cause);
      return answer(deps, replaced);
    },
  }),

  patchRule: endpoint({
    method: 'patch',
    path: RULE,
    scope: 'write',
    summary: 'Change a part of a rule, or see whom that would move',
    query: RULE_QUERY,
    body: RulePatch,
    answers: { 200: SavedRuleOrImpact },
    refusals: { 409: WIDENS, 412: MOVED },
    handle: async ({ environment, params: { ruleId }, query, body, expected, cause }, deps) => {
      const changed = await applyPatch({
        expected,
        patch: body,
        replacement: RuleReplacement,
        read: () => ruleOf(deps, environment.id, ruleId),
        show: (rule) => show(deps, rule),
        write: (rule, replacement, versions) => {
          const [input, options] = [inputOf(replacement, rule.active), { ...query, expected: versions }];
          return replaceRule(deps.propagation, environment.id, ruleId, input, options, cause);
        },
      });
      return answer(deps, changed);
    },
  }),

  deleteRule: endpoint({
    method: 'delete',
    path: RULE,
    scope: 'write',
    summary: 'Delete a rule, or see whom that would move',
    query: RULE_QUERY,
    answers: { 200: RuleImpact, 204: null },
    refusals: { 409: WIDENS, 412: MOVED },
    handle: async ({ environment, params: { ruleId }, query, expected, cause }, deps) => {
      const options = { ...query, expected };
      const removed = await removeRule(deps.propagation, environment.id, ruleId, options, cause);
      return isSaved(removed) ? noContent : ok({ impact: removed });
    },
  }),
};

async function ruleOf(deps: ApiDeps, environmentId: string, id: string): Promise<RuleRecord> {
  const rule = await getRule(deps.db, environmentId, id);
  if (!rule) throw notFound('rule', id);
  return rule;
}

function inputOf(
  body: z.output<typeof NewRule> | z.output<typeof RuleReplacement>,
  active: boolean,
): RuleInput {
  const expression = body.populationExpression?.trim() ?? '';
  return {
    storeId: body.storeId,
    name: body.name,
    active: body.active ?? active,
    populationExpression: expression === '' ? null : expression,
    groups: [...new Set((body.groups ?? []).map((group) => group.id))],
  };
}

function isSaved(result: Saved | Impact): result is Saved {
  return 'rule' in result;
}

async function answer(deps: ApiDeps, result: Saved | Impact) {
  if (!isSaved(result)) return ok({ impact: result });
  const { rule, impact } = result;
  return ok({ ...(await showNow(deps, rule)), impact }, { version: rule.updatedAt });
}

async function showNow(deps: ApiDeps, rule: RuleRecord) {
  return show(deps, rule, (await ruleProblems(deps.db, [rule])).get(rule.id));
}

function ruleHref(deps: ApiDeps, { environmentId, id }: RuleRecord): string {
  return href(deps, 'environments', environmentId, 'propagation', 'rules', id);
}

function show(deps: ApiDeps, rule: RuleRecord, problem?: string) {
  const self = { href: ruleHref(deps, rule) };
  const store = href(deps, 'environments', rule.environmentId, 'propagation', 'stores', rule.storeId);
  const { populationExpression: expression } = rule;
  return {
    id: rule.id,
    environment: { id: rule.environmentId },
    createdAt: rule.createdAt,
    updatedAt: rule.updatedAt,
    name: rule.name,
    storeId: rule.storeId,
    active: rule.active,
    ...(expression === null ? {} : { populationExpression: expression }),
    groups: rule.groups.map((id) => ({ id })),
    ...(problem === undefined ? {} : { problem }),
    _links: { self, update: self, delete: self, store: { href: store } },
  };
}
