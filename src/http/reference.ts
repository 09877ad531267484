/**
 * The API's reference page: Swagger UI over `/v1/openapi.json`, served from here alone. It loads nothing from another
 * host and runs no inline script, so its answers forbid both. A sign-in link opens it signed in.
 */

import express, { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import swaggerUiFolder from 'swagger-ui-dist/absolute-path.js';

const VIEWER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

// Relative addresses work behind a proxy that adds a prefix.
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>scim-bridge admin API</title>
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <p id="session"></p>
    <div id="reference"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

// The code of a sign-in link comes after the #. The page removes it from the address bar before it uses it.
const START = `const code = new URLSearchParams(location.hash.slice(1)).get('code');
if (code) {
  history.replaceState(null, '', location.pathname);
  signIn(code);
}

async function signIn(code) {
  const response = await fetch('v1/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  const { name, expiresAt, detail } = await response.json();
  const line = document.getElementById('session');
  line.textContent = response.ok ? 'Signed in as ' + name + ' until ' + expiresAt + '.' : detail;
}

SwaggerUIBundle({
  url: 'v1/openapi.json',
  dom_id: '#reference',
  docExpansion: 'none',
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  // A session wants to see with each write that no form of another site sent it.
  requestInterceptor(request) {
    const sent = request.headers ?? {};
    if (/^(GET|HEAD)$/i.test(request.method ?? 'GET') || sent['Content-Type']) return request;
    return { ...request, headers: { ...sent, 'Content-Type': 'application/json' } };
  },
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

/** Sign-in links lead here until there is a console. The browser keeps the part after the #. */
export const toReference: RequestHandler = ({ path }, response) => {
  response.redirect(302, path.endsWith('/') ? '../docs' : 'docs');
};

/** Without the slash of `/docs/`, the page's relative addresses would lead elsewhere. */
const withoutSlash: RequestHandler = ({ originalUrl }, response, next) => {
  if (originalUrl.split('?', 1)[0]?.endsWith('/')) response.redirect(301, '../docs');
  else next();
};
