/** Rules, which choose the people and groups in scope of a store, in requests and answers. */

import { z } from 'zod';
import { FILTER_LENGTH_MAX } from '../../directory/query/parse.ts';
import { listOf } from '../lists.ts';
import { Link, named, Reference, Time } from './common.ts';
import { ChangeSummary } from './stores/changes.ts';
import { idText, longText, nameText, READ_ONLY } from './texts.ts';

const GROUPS_MAX = 100;

const TERMS = {
  name: nameText,
  storeId: idText,
  active: z.boolean().optional(),
  populationExpression: longText(FILTER_LENGTH_MAX)
    .nullish()
    .describe('A SCIM filter on users; everyone without it.'),
  groups: z
    .array(z.strictObject({ id: idText }))
    .max(GROUPS_MAX, `must have at most ${GROUPS_MAX} entries`)
    .nullish()
    .describe('One of these must have the person; no matter which without it.'),
};

const SHOWN_ONLY = { ...READ_ONLY, impact: z.unknown().optional(), problem: z.unknown().optional() };

export const NewRule = named('NewRule', z.strictObject(TERMS));

export const RuleReplacement = named('RuleReplacement', z.strictObject({ ...TERMS, ...SHOWN_ONLY }));

export const RulePatch = named(
  'RulePatch',
  z.strictObject({ ...TERMS, name: nameText.optional(), storeId: idText.optional(), ...SHOWN_ONLY }),
);

export const RULE_QUERY = {
  preview: z.boolean().default(false).describe('Only say what would follow, and save nothing.'),
  widen: z
    .boolean()
    .default(false)
    .describe('Yes, even where no active rule is left and everyone enters scope.'),
};

const RULE = {
  id: z.string(),
  environment: Reference,
  createdAt: Time,
  updatedAt: Time,
  name: z.string(),
  storeId: z.string(),
  active: z.boolean(),
  populationExpression: z.string().optional(),
  groups: z.array(Reference),
  problem: z.string().optional().describe('Why the rule includes fewer people than it says.'),
  _links: z.object({ self: Link, update: Link, delete: Link, store: Link }),
};

const Impact = named(
  'Impact',
  z.object({
    entering: z.int().describe('People who enter the scope of the store.'),
    leaving: z.int(),
    summary: ChangeSummary.describe('Of this change alone.'),
  }),
);

export const Rule = named('Rule', z.object(RULE));

export const RuleList = named('RuleList', listOf('rules', Rule));

export const SavedRule = named('SavedRule', z.object({ ...RULE, impact: Impact }));

export const RuleImpact = named('RuleImpact', z.object({ impact: Impact }));

export const SavedRuleOrImpact = named('SavedRuleOrImpact', z.union([SavedRule, RuleImpact]));
