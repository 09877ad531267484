/**
 * ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4), in scimmy's words. scimmy keeps what is
 * declared in globals of the process, so nothing of a tenant or of a request may ever be put there; what
 * is, is the same for everybody.
 */

import { type RequestHandler, Router } from 'express';
import SCIMMY from 'scimmy';
import { type Attribute, ENTERPRISE_URN, schemaOf } from '../directory/filter/attributes.ts';
import { BODY_BYTES_MAX } from './body.ts';
import { BULK_OPERATIONS_MAX } from './bulk.ts';
import { notAllowed, ScimError, sendJson } from './errors.ts';
import { listResponse } from './list.ts';
import { COUNT_MAX, queryParameters } from './query.ts';

/** Answers the three discovery endpoints and passes everything else on. */
export function discovery(baseUrl: string): Router {
  declareOnce();
  const types = Object.values(SCIMMY.Resources.declared()).map(
    (type) => new SCIMMY.Schemas.ResourceType(type.describe(), `${baseUrl}/ResourceTypes`),
  );
  const schemas = SCIMMY.Schemas.declared().map((schema) => schema.describe(`${baseUrl}/Schemas`));
  const config = serviceProviderConfig(`${baseUrl}/ServiceProviderConfig`);
  const router = Router();
  serve(router, '/ServiceProviderConfig', () => config);
  serveList(router, '/ResourceTypes', types);
  serveList(router, '/Schemas', schemas);
  return router;
}

function serviceProviderConfig(location: string): object {
  const supported = { supported: true };
  return new SCIMMY.Schemas.ServiceProviderConfig(
    {
      patch: supported,
      sort: supported,
      etag: supported,
      changePassword: { supported: false },
      filter: { supported: true, maxResults: COUNT_MAX },
      bulk: { supported: true, maxOperations: BULK_OPERATIONS_MAX, maxPayloadSize: BODY_BYTES_MAX },
      authenticationSchemes: [
        {
          type: 'oauthbearertoken',
          name: 'OAuth Bearer Token',
          description: 'A token that an administrator of the bridge makes, in the Authorization header',
          specUri: 'https://datatracker.ietf.org/doc/html/rfc6750',
        },
      ],
    },
    location,
  );
}

/** A list of all there is, and each by its id. */
function serveList(router: Router, path: string, resources: readonly { readonly id: string }[]): void {
  const list = listResponse(resources.length, 1, resources);
  serve(router, path, () => list);
  serve(router, `${path}/:id`, (id) => resources.find((resource) => resource.id === id));
}

function serve(router: Router, path: string, find: (id: unknown) => object | undefined): void {
  const read: RequestHandler = (req, res) => {
    if (queryParameters(req.url).has('filter')) {
      throw new ScimError(403, null, 'Discovery endpoints take no filter.');
    }
    const found = find(req.params.id);
    if (!found) throw new ScimError(404, null, `There is nothing at ${req.path}.`);
    sendJson(res, 200, found);
  };
  router.route(path).get(read).all(notAllowed('GET, HEAD'));
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
  for (const list of ['roles', 'x509Certificates']) {
    User.definition.attribute(`${list}.type`).config.canonicalValues = false;
  }
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
