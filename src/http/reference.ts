/**
 * The API's reference page: Swagger UI over `/v1/openapi.json`, served whole from here. It takes nothing from another
 * host and runs no inline script, so that the policy of its answers forbids both.
 */

import express, { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import swaggerUiFolder from 'swagger-ui-dist/absolute-path.js';

const VIEWER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

// Addresses are relative, so that the page works behind a proxy that adds a prefix.
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>scim-bridge admin API</title>
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="reference"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({
  url: 'v1/openapi.json',
  dom_id: '#reference',
  docExpansion: 'none',
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

const policy = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

/** Mount it at `/docs`. */
export function createReferencePage(): Router {
  const router = Router({ strict: true });
  const viewer = express.static(swaggerUiFolder(), { index: false, maxAge: '1d' });
  router.use(policy);
  router.get('/', withoutSlash, (_request, response) => {
    response.type('html').send(PAGE);
  });
  router.get('/start.js', (_request, response) => {
    response.type('js').send(START);
  });
  for (const file of VIEWER_FILES) router.get(`/${file}`, viewer);
  return router;
}

/** Seen from `/docs/`, the page's own addresses would lead elsewhere. */
const withoutSlash: RequestHandler = ({ originalUrl }, response, next) => {
  if (originalUrl.split('?', 1)[0]?.endsWith('/')) response.redirect(301, '../docs');
  else next();
};
