/**
 * ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4): scimmy-routers publishes scimmy's schemas. scimmy
 * keeps declarations in globals of the process, so they must be the same for all tenants and requests.
 */

import { type RequestHandler, type Response, Router } from 'express';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';
import { type Attribute, ENTERPRISE_URN, schemaOf } from '../directory/query/attributes.ts';
import { notAllowed, ScimError } from './answer/errors.ts';
import { BODY_BYTES_MAX, BULK_OPERATIONS_MAX, COUNT_DEFAULT, COUNT_MAX } from './request/limits.ts';
import { queryParameters } from './request/query.ts';

const PATHS = [
  '/ServiceProviderConfig',
  '/ResourceTypes',
  '/ResourceTypes/:id',
  '/Schemas',
  '/Schemas/:id',
] as const;

/** Answers the three discovery endpoints and passes everything else on. Locations begin with `baseUrl`. */
export function discovery(baseUrl: string): Router {
  declareOnce();
  const routes = createRoutes(baseUrl);
  const router = Router();
  for (const path of PATHS) {
    router.route(path).get(readThrough(routes, path)).all(notAllowed('GET, HEAD'));
  }
  return router;
}

function createRoutes(baseUrl: string): RequestHandler {
  // Every new endpoint would add a scheme to the global list, and tests make many in one process.
  SCIMMY.Config.set('authenticationSchemes', []);
  const routes = new SCIMMYRouters({ type: 'bearer', handler: () => '', baseUri: () => baseUrl });
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

/** Gives scimmy-routers the published path, whatever case and parameters the request has. */
function readThrough(routes: RequestHandler, path: string): RequestHandler {
  return (req, res, next) => {
    if (queryParameters(req.url).has('filter')) {
      throw new ScimError(403, null, 'Discovery endpoints take no filter.');
    }
    // scimmy-routers joins both into locations.
    req.baseUrl = '';
    req.url = path.replace(':id', encodeURIComponent(String(req.params.id)));
    answerExactly(res);
    routes(req, res, next);
  };
}

/** RFC 9865 §4. Cursors do not expire. */
const PAGINATION = {
  cursor: true,
  index: true,
  defaultPaginationMethod: 'index',
  defaultPageSize: COUNT_DEFAULT,
  maxPageSize: COUNT_MAX,
} as const;

/**
 * scimmy answers an `itemsPerPage` of 20 for every list, and knows neither a primary scheme (RFC 7643 §5) nor
 * pagination.
 */
function answerExactly(res: Response): void {
  const send = res.send.bind(res);
  res.send = (body: unknown) => {
    if (body instanceof SCIMMY.Messages.ListResponse) body.itemsPerPage = body.Resources.length;
    if (!(body instanceof SCIMMY.Schemas.ServiceProviderConfig)) return send(body);
    const [bearer] = body.authenticationSchemes;
    return send({ ...body, authenticationSchemes: [{ ...bearer, primary: true }], pagination: PAGINATION });
  };
}

let declared = false;

function declareOnce(): void {
  if (declared) return;
  declared = true;
  const { User, Group, EnterpriseUser } = SCIMMY.Schemas;
  // Where this server differs from scimmy's definitions; a test compares the whole with the catalogue.
  alignCase(User.definition.attributes, schemaOf('user'));
  const extension = schemaOf('user').subAttributes.get(ENTERPRISE_URN.toLowerCase());
  if (extension) alignCase(EnterpriseUser.definition.attributes, extension);
  alignCase(Group.definition.attributes, schemaOf('group'));
  User.definition.attribute('groups.$ref').config.referenceTypes = ['Group'];
  User.definition.attribute('groups.type').config.canonicalValues = ['direct'];
  for (const list of ['roles', 'x509Certificates']) {
    User.definition.attribute(`${list}.type`).config.canonicalValues = false;
  }
  Group.definition.attribute('displayName').config.uniqueness = 'server';
  Group.definition.attribute('members.value').config.required = true;
  for (const made of ['$ref', 'display', 'type']) {
    Group.definition.attribute(`members.${made}`).config.mutable = false;
  }
  Group.definition.attribute('members.type').config.canonicalValues = ['User'];
  Group.definition.attribute('members.$ref').config.referenceTypes = ['User'];
  SCIMMY.Resources.declare(SCIMMY.Resources.User, {
    extensions: [{ schema: EnterpriseUser, required: false }],
  });
  SCIMMY.Resources.declare(SCIMMY.Resources.Group, {});
}

/** scimmy declares most references and identifiers case-insensitive; filters compare them exactly. */
function alignCase(attributes: readonly unknown[], known: Attribute): void {
  for (const attribute of attributes) {
    if (!(attribute instanceof SCIMMY.Types.Attribute)) continue;
    const same = known.subAttributes.get(attribute.name.toLowerCase());
    if (same?.caseExact) attribute.config.caseExact = true;
    if (same && attribute.type === 'complex') alignCase(attribute.subAttributes ?? [], same);
  }
}
