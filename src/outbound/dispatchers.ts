/**
 * The only way out of the bridge: it resolves and judges an address and connects to exactly that one. Nothing else
 * opens a connection to a host that a setting names.
 */

import type { LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from 'undici';
import { AddressRefused, type Reach } from '../connectors/connector.ts';
import type { Resolve } from './resolve.ts';
import { type OutboundRule, refusalOf, refusalOfUrl, refusalThroughProxy } from './rule.ts';
import { isAddress } from './zones.ts';

/** The settings of a store, connection or alert about the way to its server. */
export interface Route {
  readonly reach: Reach;
  /** A private certificate authority; then only certificates that it signed are trusted. */
  readonly caPem: string | null;
  readonly proxyUrl: string | null;
}

/** `HTTPS_PROXY` and `NO_PROXY` of the process. */
export interface ProcessProxy {
  readonly url: string;
  readonly except: string;
}

interface Tls {
  readonly ca?: string;
  readonly allowH2: false;
}

export function createDispatcher(
  rule: OutboundRule,
  { reach, caPem, proxyUrl }: Route,
  processProxy: ProcessProxy | null,
  resolve: Resolve,
): Dispatcher {
  const tls: Tls = { ...(caPem === null ? {} : { ca: caPem }), allowH2: false };
  const connect = guardedConnector(rule, reach, tls, resolve);
  if (proxyUrl !== null) {
    const proxy = new URL(proxyUrl);
    // A public authority may have signed the proxy's certificate, and the store's own authority the store's.
    const ca = caPem === null ? {} : { ca: [...rootCertificates, caPem] };
    const proxyTls = { ...tls, ...ca, lookup: judgedLookup(rule, reach, proxy.protocol, resolve) };
    const agent = new ProxyAgent({ uri: proxyUrl, proxyTls, requestTls: tls });
    return judging(
      agent,
      (origin) => refusalOfUrl(rule, reach, proxyUrl) ?? refusalThroughProxy(rule, reach, origin),
    );
  }
  if (processProxy === null) return new Agent({ connect });
  const agent = new EnvHttpProxyAgent({
    // Keeps the process's own `http_proxy` out.
    httpProxy: '',
    httpsProxy: processProxy.url,
    noProxy: processProxy.except,
    connect,
    requestTls: tls,
  });
  return judging(agent, (origin) => refusalOfUrl(rule, reach, origin));
}

/** Judges literal addresses first, because no lookup is made for them. */
function guardedConnector(
  rule: OutboundRule,
  reach: Reach,
  tls: Tls,
  resolve: Resolve,
): buildConnector.connector {
  const connectors: Readonly<Record<string, buildConnector.connector>> = {
    'http:': buildConnector({ ...tls, lookup: judgedLookup(rule, reach, 'http:', resolve) }),
    'https:': buildConnector({ ...tls, lookup: judgedLookup(rule, reach, 'https:', resolve) }),
  };
  return (options, callback) => {
    const { hostname, protocol } = options;
    const refusal = isAddress(hostname)
      ? refusalOf(rule, reach, { host: hostname, protocol }, hostname)
      : null;
    if (refusal !== null) return callback(new AddressRefused(refusal), null);
    (connectors[protocol] as buildConnector.connector)(options, callback);
  };
}

/** One bad address among good ones refuses the name: its name server cannot be trusted. */
function judgedLookup(rule: OutboundRule, reach: Reach, protocol: string, resolve: Resolve): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, '', 0);
      const refusals = addresses.map(({ address }) => refusalOf(rule, reach, { host, protocol }, address));
      const refusal = refusals.find((one) => one !== null);
      if (refusal !== undefined) return done(new AddressRefused(refusal), '', 0);
      if (options.all) return done(null, addresses);
      done(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 0);
    });
  };
}

/** For agents whose connector cannot be replaced: judges each request by its URL before it leaves. */
function judging(agent: Dispatcher, refusalOfOrigin: (origin: string) => string | null): Dispatcher {
  return agent.compose((dispatch) => (options, handler) => {
    const refusal = refusalOfOrigin(String(options.origin));
    if (refusal !== null) throw new AddressRefused(refusal);
    return dispatch(options, handler);
  });
}
