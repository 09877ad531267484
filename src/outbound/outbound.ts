/**
 * Makes a `fetch` for each way out that settings describe, and finds mistakes in their addresses. It holds
 * connections but no credentials. It asks by undici's `request`, which costs a third of the time of its `fetch`.
 */

import { X509Certificate } from 'node:crypto';
import { type Dispatcher, interceptors, request } from 'undici';
import type { Fetch, OpenFetch, Reach } from '../connectors/connector.ts';
import type { Configuration, SettingSpec } from '../model/settings.ts';
import { createDispatcher, type ProcessProxy, type Route } from './dispatchers.ts';
import { createResolve, type Resolve } from './resolve.ts';
import { isOfOtherProtocol, type OutboundRule, refusalOfUrl } from './rule.ts';

export interface OutboundConfig {
  readonly rule: OutboundRule;
  readonly proxy: ProcessProxy | null;
}

type HttpMethod = Dispatcher.HttpMethod;

/** Only answers to reads are large. An empty answer that claims to be packed would fail. */
const PACKED = { 'accept-encoding': 'gzip, br' };
const PLAIN = { 'accept-encoding': 'identity' };
const UNPACKING = interceptors.decompress({ skipErrorResponses: false });
const USER_AGENT = { 'user-agent': 'scim-bridge' };

/** Keeps the connections of this many ways; beyond that it closes the oldest. */
const WAYS_MAX = 100;

/** Stores with the same way out share connections, which know nothing of the stores. */
export function createOutbound(
  { rule, proxy }: OutboundConfig,
  resolve: Resolve = createResolve(),
): OpenFetch {
  const ways = new Map<string, Dispatcher>();
  const dispatcherFor = (route: Route): Dispatcher => {
    const key = JSON.stringify(route);
    const known = ways.get(key);
    if (known) return known;
    const made = createDispatcher(rule, route, proxy, resolve).compose(UNPACKING);
    ways.set(key, made);
    const [oldest] = ways.keys();
    if (ways.size > WAYS_MAX && oldest !== undefined) {
      void ways.get(oldest)?.close();
      ways.delete(oldest);
    }
    return made;
  };
  return (reach, configuration): Fetch => {
    const route = { reach, caPem: textOf(configuration.CA_PEM), proxyUrl: textOf(configuration.PROXY_URL) };
    // Looked up for each call: a connector outlives connections that are closed to make room.
    return async (url, { method, headers, body = null, signal }) => {
      if (isOfOtherProtocol(url)) throw blockedPort();
      const accepted = method === 'GET' ? PACKED : PLAIN;
      const sent = { ...USER_AGENT, ...accepted, ...Object.fromEntries(headers) };
      const dispatcher = dispatcherFor(route);
      const answer = await request(url, {
        method: method as HttpMethod,
        headers: sent,
        body,
        signal,
        dispatcher,
      });
      const { statusCode: status } = answer;
      return { status, ok: status >= 200 && status < 300, headers: headersOf(answer), body: answer.body };
    };
  };
}

function blockedPort(): Error {
  const error = new Error('the port is that of another protocol than HTTP');
  return Object.assign(error, { code: 'blocked_port' });
}

function headersOf({ headers }: Pick<Dispatcher.ResponseData, 'headers'>): Headers {
  const found = new Headers();
  for (const [name, values] of Object.entries(headers))
    for (const value of [values ?? []].flat()) found.append(name, value);
  return found;
}

/** Where stores of a type may be, and which settings hold their addresses. */
interface Reached {
  readonly reach: Reach;
  readonly settings: readonly SettingSpec[];
  refuse?(configuration: Configuration): readonly { readonly key: string; readonly detail: string }[];
}

/** The same types, but they refuse settings whose address is forbidden to the bridge. */
export function obeying<Definition extends Reached, R extends { get(type: string): Definition | null }>(
  registry: R & { get(type: string): Definition | null },
  rule: OutboundRule,
): R {
  return {
    ...registry,
    get(type: string) {
      const definition = registry.get(type);
      if (!definition) return null;
      const { reach, settings } = definition;
      return {
        ...definition,
        refuse: (configuration: Configuration) => [
          ...(definition.refuse?.(configuration) ?? []),
          ...mistakesIn(rule, reach, settings, configuration),
        ],
      };
    },
  };
}

function mistakesIn(
  rule: OutboundRule,
  reach: Reach,
  settings: readonly SettingSpec[],
  configuration: Configuration,
): readonly { readonly key: string; readonly detail: string }[] {
  const urls = settings.filter(({ type, key }) => type === 'url' && typeof configuration[key] === 'string');
  const found = urls.flatMap(({ key }) => {
    const refusal = refusalOfUrl(rule, reach, String(configuration[key]));
    return refusal === null ? [] : [{ key, detail: `${key}: ${refusal}` }];
  });
  const pem = textOf(configuration.CA_PEM);
  const detail = 'CA_PEM must be one or more certificates in PEM form, from -----BEGIN CERTIFICATE----- on';
  return pem === null || isCertificates(pem) ? found : [...found, { key: 'CA_PEM', detail }];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function isCertificates(pem: string): boolean {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0 || /PRIVATE KEY/.test(pem)) return false;
  try {
    for (const block of blocks) new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}
