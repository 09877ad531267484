/**
 * `…/connections/{id}/scim-configuration`: what an admin enters at the identity provider, and its tokens. Only the
 * answer that makes a token shows it.
 */

import { SCIM_SCOPES } from '../../auth/scopes.ts';
import { hashToken, newToken } from '../../auth/tokens.ts';
import { createScimToken, revokeScimToken } from '../../control/access/scimTokens.ts';
import { changeInboundMapping } from '../../control/identity/inboundMapping.ts';
import { readActivity, SETUP_STEPS, type SetupStep } from '../../db/access/connectionActivity.ts';
import { listScimTokens, type ScimTokenRecord } from '../../db/access/scimTokens.ts';
import { listAttributesSeen } from '../../db/identity/attributesSeen.ts';
import type { ConnectionRecord } from '../../db/identity/connections.ts';
import {
  effectiveInbound,
  isKnown,
  isMapped,
  overridesIn,
  userIdAttribute,
} from '../../directory/inbound.ts';
import type { ApiDeps } from '../deps.ts';
import { created, endpoint, noContent, ok } from '../endpoint.ts';
import { connectionHref } from '../href.ts';
import { whole } from '../lists.ts';
import {
  MadeScimToken,
  NewScimToken,
  ScimConfiguration,
  ScimConfigurationReplacement,
  ScimTokenList,
} from '../schemas/scimConfiguration.ts';

const CONFIGURATION = '/environments/:envId/connections/:connectionId/scim-configuration';
const TOKENS = `${CONFIGURATION}/tokens` as const;

export const scimConfiguration = {
  readScimConfiguration: endpoint({
    method: 'get',
    path: CONFIGURATION,
    scope: 'read',
    summary: 'Show what an identity provider connects to, and what feeds the directory',
    answers: { 200: ScimConfiguration },
    handle: ({ connection }, deps) => answer(deps, connection),
  }),

  replaceScimConfiguration: endpoint({
    method: 'put',
    path: CONFIGURATION,
    scope: 'write',
    summary: 'Replace what feeds the directory; what is left out is at its default afterwards',
    body: ScimConfigurationReplacement,
    answers: { 200: ScimConfiguration },
    refusals: {
      409: 'The connection is being deleted.',
      412: 'It is not at the version of If-Match.',
    },
    handle: async ({ connection, body, expected, cause }, deps) => {
      const name = body.userIdAttribute;
      const input = {
        userIdAttribute: name === undefined ? undefined : (userIdAttribute(name) ?? undefined),
        mapping: overridesIn(body.mapping),
      };
      const changed = await changeInboundMapping(deps.propagation, connection, input, expected, cause);
      return answer(deps, changed);
    },
  }),

  listScimTokens: endpoint({
    method: 'get',
    path: TOKENS,
    scope: 'read',
    summary: 'List the SCIM tokens of a connection, expired ones too',
    answers: { 200: ScimTokenList },
    handle: async ({ connection }, deps) => {
      const tokens = await listScimTokens(deps.db, connection.id);
      return ok(whole('tokens', tokens.map(showToken), configurationHref(deps, connection, 'tokens')));
    },
  }),

  createScimToken: endpoint({
    method: 'post',
    path: TOKENS,
    scope: 'write',
    summary: 'Make a SCIM token, shown this once; several may be valid, so that they can be rotated',
    body: NewScimToken,
    answers: { 201: MadeScimToken },
    refusals: { 409: 'Another token has the name, there are too many, or the connection is being deleted.' },
    handle: async ({ connection, body, cause }, deps) => {
      const { name = null, scopes = SCIM_SCOPES, tokenLifetime = null } = body;
      const wanted = { name, scopes: [...new Set(scopes)], lifetimeSeconds: tokenLifetime };
      const token = newToken('scim');
      const made = await createScimToken(deps, connection, wanted, hashToken(token), cause);
      return created({ ...showToken(made), token }, configurationHref(deps, connection, 'tokens', made.id));
    },
  }),

  revokeScimToken: endpoint({
    method: 'delete',
    path: `${TOKENS}/:tokenId`,
    scope: 'write',
    summary: 'Revoke a SCIM token at once',
    answers: { 204: null },
    handle: async ({ connection, params: { tokenId }, cause }, deps) => {
      await revokeScimToken(deps, connection, tokenId, cause);
      return noContent;
    },
  }),
};

async function answer(deps: ApiDeps, connection: ConnectionRecord) {
  const mapping = effectiveInbound(connection.mapping);
  const seen = await listAttributesSeen(deps.db, connection.id);
  await deps.writeDownActivity();
  const { lastRequestAt, seenAt, refusals } = await readActivity(deps.db, connection.id);
  const shown = {
    connectionId: connection.id,
    scimBaseUrl: `${deps.publicUrl}/scim/v2`,
    userIdAttribute: connection.userIdAttribute,
    mapping,
    attributesSeen: seen.map((attribute) => ({
      ...attribute,
      known: isKnown(attribute.kind, attribute.name),
      mapped: isMapped(attribute.kind, attribute.name, mapping),
    })),
    lastRequestAt,
    recentRefusals: refusals,
    setupSteps: SETUP_STEPS.map((id) => ({
      ...{ id, title: TITLES[id] },
      ...(seenAt[id] === undefined ? {} : { seenAt: seenAt[id] }),
    })),
    createdAt: connection.createdAt,
    updatedAt: connection.updatedAt,
    _links: {
      self: { href: configurationHref(deps, connection) },
      tokens: { href: configurationHref(deps, connection, 'tokens') },
    },
  };
  return ok(shown, { version: connection.updatedAt });
}

const TITLES: Readonly<Record<SetupStep, string>> = {
  tokenUsed: 'The token was used',
  connectionTest: 'The connection was tested',
  firstUser: 'The first user came',
  firstGroup: 'The first group came',
  firstUpdate: 'A user was changed',
  firstLeaver: 'A user left',
};

function showToken(token: ScimTokenRecord) {
  const { id, name, scopes, createdAt, validUntil, lastUsedAt } = token;
  return { tokenId: id, name, scopes, createdAt, validUntil, lastUsedAt };
}

function configurationHref(deps: ApiDeps, connection: ConnectionRecord, ...path: string[]): string {
  return connectionHref(deps, connection, 'scim-configuration', ...path);
}
