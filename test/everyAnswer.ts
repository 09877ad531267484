/** Holds every answer of the admin API that any test gets to its description, whoever asked. */

import type * as contract from './contract.ts';

const ask = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const response = await ask(input, init);
  const { pathname, search } = new URL(response.url);
  if (!/^\/v1(\/|$)/.test(pathname)) return response;
  const type = response.headers.get('content-type');
  // What is no JSON may be of any length, and a stream has no end.
  const text = type === null || /\bjson\b/.test(type) ? await response.clone().text() : '';
  // Loaded only where somebody asks: most tests know nothing of the admin API.
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
