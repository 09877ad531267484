/**
 * `…/propagation/rules`: who, and which groups, are in scope of a store. Every change answers whom it moves;
 * with `?preview=true` it does nothing else.
 */

import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Impact } from '../control/impact.ts';
import {
  createRule,
  type DeletionOptions,
  type RuleInput,
  removeRule,
  replaceRule,
  type Saved,
} from '../control/rules.ts';
import { getRule, listRules, type RuleRecord, rulesOf } from '../db/stores/rules.ts';
import { FILTER_LENGTH_MAX } from '../directory/query/parse.ts';
import { idText, longText, nameText, parseBody, READ_ONLY } from './body.ts';
import { type AdminDeps, adminOf, environmentOf, href, idParam, notFound } from './context.ts';
import {
  keyOfRecord,
  knownFlags,
  knownQuery,
  queryFlag,
  queryText,
  readPageOfRecords,
  sendPage,
} from './page.ts';
import { route } from './problem.ts';

const GROUPS_MAX = 100;

const TERMS = {
  name: nameText,
  storeId: idText,
  active: z.boolean().optional(),
  populationExpression: longText(FILTER_LENGTH_MAX).nullish(),
  groups: z
    .array(z.strictObject({ id: idText }))
    .max(GROUPS_MAX, `must have at most ${GROUPS_MAX} entries`)
    .nullish(),
};
const Body = z.strictObject(TERMS);
const Replacement = z.strictObject({ ...TERMS, ...READ_ONLY, impact: z.unknown().optional() });

export function rules(deps: AdminDeps): Router {
  const router = Router({ mergeParams: true });
  route(router, '/', {
    get: (req, res) => list(deps, req, res),
    post: (req, res) => create(deps, req, res),
  });
  route(router, '/:id', {
    get: async (req, res) => {
      res.json(show(deps, await ruleOf(deps, req, res)));
    },
    put: (req, res) => replace(deps, req, res),
    delete: (req, res) => remove(deps, req, res),
  });
  return router;
}

async function ruleOf(deps: AdminDeps, req: Request, res: Response): Promise<RuleRecord> {
  const id = idParam(req);
  const rule = await getRule(deps.db, environmentOf(res).id, id);
  if (!rule) throw notFound('rule', id);
  return rule;
}

async function list(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  knownQuery(req, ['storeId']);
  const page = readPageOfRecords(req);
  const { id } = environmentOf(res);
  const storeId = queryText(req, 'storeId');
  const counted = await rulesOf(deps.db, id, storeId).count({ n: '*' }).first();
  sendPage(deps, req, res, page, {
    name: 'rules',
    rows: await listRules(deps.db, id, storeId, page.limit + 1, page.after),
    count: Number(counted?.n ?? 0),
    keyOf: keyOfRecord,
    toJson: (rule) => show(deps, rule),
  });
}

async function create(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const input = toInput(parseBody(Body, req), true);
  const { id } = environmentOf(res);
  const made = await createRule(deps.propagation, id, input, readDeletionOptions(req), adminOf(res).cause);
  if (isSaved(made)) res.status(201).location(ruleHref(deps, made.rule));
  answer(deps, res, made);
}

async function replace(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const before = await ruleOf(deps, req, res);
  const input = toInput(parseBody(Replacement, req), before.active);
  const { cause } = adminOf(res);
  const id = before.environmentId;
  answer(
    deps,
    res,
    await replaceRule(deps.propagation, id, before.id, input, readDeletionOptions(req), cause),
  );
}

async function remove(deps: AdminDeps, req: Request, res: Response): Promise<void> {
  const { id } = environmentOf(res);
  const { cause } = adminOf(res);
  const removed = await removeRule(deps.propagation, id, idParam(req), readDeletionOptions(req), cause);
  if (isSaved(removed)) res.status(204).end();
  else answer(deps, res, removed);
}

function toInput(body: z.output<typeof Body> | z.output<typeof Replacement>, active: boolean): RuleInput {
  const expression = body.populationExpression?.trim() ?? '';
  return {
    storeId: body.storeId,
    name: body.name,
    active: body.active ?? active,
    populationExpression: expression === '' ? null : expression,
    groups: [...new Set((body.groups ?? []).map((group) => group.id))],
  };
}

function readDeletionOptions(req: Request): DeletionOptions {
  knownFlags(req, ['preview', 'widen']);
  return { preview: queryFlag(req, 'preview'), widen: queryFlag(req, 'widen') };
}

function isSaved(result: Saved | Impact): result is Saved {
  return 'rule' in result;
}

function answer(deps: AdminDeps, res: Response, result: Saved | Impact): void {
  if (isSaved(result)) res.json({ ...show(deps, result.rule), impact: result.impact });
  else res.json({ impact: result });
}

function ruleHref(deps: AdminDeps, rule: RuleRecord): string {
  return href(deps, 'environments', rule.environmentId, 'propagation', 'rules', rule.id);
}

function show(deps: AdminDeps, rule: RuleRecord) {
  const self = ruleHref(deps, rule);
  return {
    id: rule.id,
    environment: { id: rule.environmentId },
    createdAt: rule.createdAt,
    updatedAt: rule.updatedAt,
    name: rule.name,
    storeId: rule.storeId,
    active: rule.active,
    ...(rule.populationExpression === null ? {} : { populationExpression: rule.populationExpression }),
    groups: rule.groups.map((id) => ({ id })),
    _links: {
      self: { href: self },
      update: { href: self },
      delete: { href: self },
      store: {
        href: href(deps, 'environments', rule.environmentId, 'propagation', 'stores', rule.storeId),
      },
    },
  };
}
