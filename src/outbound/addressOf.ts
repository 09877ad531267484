/**
 * Finds the address to connect to, for protocols other than HTTP. The name is resolved once and the address is
 * judged; the caller connects to just this address.
 */

import { AddressRefused, type Reach } from '../connectors/connector.ts';
import { createResolve, type Resolve } from './resolve.ts';
import { type OutboundRule, refusalOf } from './rule.ts';
import { isAddress } from './zones.ts';

export function createAddressOf(rule: OutboundRule, resolve: Resolve = createResolve()) {
  return (reach: Reach) =>
    async (host: string, protocol: string): Promise<string> => {
      const found = isAddress(host) ? [host] : await addressesOf(host, resolve);
      const refusals = found.map((address) => refusalOf(rule, reach, { host, protocol }, address));
      // One bad address among good ones refuses the name: its name server cannot be trusted.
      const refusal = refusals.find((one) => one !== null);
      if (refusal) throw new AddressRefused(refusal);
      return found[0] as string;
    };
}

function addressesOf(host: string, resolve: Resolve): Promise<readonly string[]> {
  return new Promise((done, fail) => {
    resolve(host, { all: true }, (error, addresses) => {
      if (error) fail(error);
      else done(addresses.map(({ address }) => address));
    });
  });
}
