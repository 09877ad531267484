/**
 * ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4): scimmy's schemas, published by
 * scimmy-routers. scimmy keeps what is declared in globals of the process, so nothing of a tenant or of a
 * request may ever be put there; what is, is the same for everybody.
 */

import type { RequestHandler } from 'express';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';
import { type Attribute, ENTERPRISE_URN, schemaOf } from '../directory/filter/attributes.ts';
import { BODY_BYTES_MAX } from './body.ts';
import { BULK_OPERATIONS_MAX } from './bulk.ts';
import { ScimError } from './errors.ts';
import { COUNT_MAX } from './query.ts';

const PATH = /^\/(ServiceProviderConfig|ResourceTypes|Schemas)(\/|$)/i;

/** Answers the three discovery endpoints and passes everything else on. */
export function discovery(publicUrl: string): RequestHandler {
  declareOnce();
  const routes = createRoutes(publicUrl);
  return (req, res, next) => {
    if (!PATH.test(req.path)) return next();
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET');
      return next(new ScimError(405, null, `${req.method} is not possible here.`));
    }
    const [path = '', query = ''] = req.url.split('?', 2);
    if (new URLSearchParams(query).has('filter')) {
      return next(new ScimError(403, null, 'Discovery endpoints take no filter.'));
    }
    // scimmy refuses any other parameter here; the RFC has them ignored.
    req.url = path;
    routes(req, res, next);
  };
}

function createRoutes(publicUrl: string): RequestHandler {
  // Schemes add up with every construction, which tests do many times in one process.
  SCIMMY.Config.set('authenticationSchemes', []);
  const routes = new SCIMMYRouters({ type: 'bearer', handler: () => '', baseUri: () => publicUrl });
  SCIMMY.Config.set({
    patch: true,
    sort: true,
    etag: true,
    changePassword: false,
    filter: { supported: true, maxResults: COUNT_MAX },
    bulk: { supported: true, maxOperations: BULK_OPERATIONS_MAX, maxPayloadSize: BODY_BYTES_MAX },
  });
  return routes as unknown as RequestHandler;
}

let declared = false;

function declareOnce(): void {
  if (declared) return;
  declared = true;
  const { User, Group, EnterpriseUser } = SCIMMY.Schemas;
  // What this server does beyond scimmy's definitions; a test compares the whole with the catalogue.
  alignCase(User.definition.attributes, schemaOf('user'));
  const extension = schemaOf('user').subAttributes.get(ENTERPRISE_URN.toLowerCase());
  if (extension) alignCase(EnterpriseUser.definition.attributes, extension);
  alignCase(Group.definition.attributes, schemaOf('group'));
  User.definition.attribute('groups.$ref').config.referenceTypes = ['Group'];
  User.definition.attribute('groups.type').config.canonicalValues = ['direct'];
  Group.definition.attribute('displayName').config.uniqueness = 'server';
  Group.definition.attribute('members.type').config.canonicalValues = ['User'];
  Group.definition.attribute('members.$ref').config.referenceTypes = ['User'];
  SCIMMY.Resources.declare(SCIMMY.Resources.User, {
    extensions: [{ schema: EnterpriseUser, required: false }],
  });
  SCIMMY.Resources.declare(SCIMMY.Resources.Group, {});
}

/** scimmy calls most references and identifiers case insensitive; filters compare them exactly. */
function alignCase(attributes: readonly unknown[], known: Attribute): void {
  for (const attribute of attributes) {
    if (!(attribute instanceof SCIMMY.Types.Attribute)) continue;
    const same = known.subAttributes.get(attribute.name.toLowerCase());
    if (same?.caseExact) attribute.config.caseExact = true;
    if (same && attribute.type === 'complex') alignCase(attribute.subAttributes ?? [], same);
  }
}
