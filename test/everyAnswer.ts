/** Holds every answer of the bridge that any test gets to its description, whoever asked. */

import type * as contract from './contract.ts';

const ask = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const response = await ask(input, init);
  const { pathname, search } = new URL(response.url);
  // Whoever may leave in the middle leaves an answer that nobody has read.
  const mayLeave = init?.signal !== undefined && pathname.startsWith('/scim/');
  if (mayLeave || !isOfBridge(pathname, response.headers)) return response;
  const type = response.headers.get('content-type');
  // What is no JSON may be of any length, and a stream has no end.
  const text = type === null || /\bjson\b/.test(type) ? await response.clone().text() : '';
  // Loaded only where somebody asks: most tests know nothing of the bridge's answers.
  const { holdToContract }: typeof contract = await import('./contract.ts');
  holdToContract({
    method: init?.method ?? 'GET',
    path: pathname + search,
    status: response.status,
    type,
    correlationId: response.headers.get('x-correlation-id'),
    body: text === '' ? null : JSON.parse(text),
  });
  return response;
};

/** Emulated vendors speak SCIM too, and have other probes; only the bridge names the correlation id. */
function isOfBridge(pathname: string, headers: Headers): boolean {
  if (/^\/v1(\/|$)/.test(pathname)) return true;
  return (
    /^\/(scim\/v2(\/.*)?|healthz|readyz|metrics|docs)?$/.test(pathname) && headers.has('x-correlation-id')
  );
}
