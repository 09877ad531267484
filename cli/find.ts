/** People name stores, connections, rules and tokens; the API wants ids. Either is taken here. */

import type { Client } from '../client/client.ts';
import { nothing } from './exit.ts';
import { ALERTS, CONNECTIONS, RULES, STORES } from './paths.ts';

interface Named {
  readonly id: string;
  readonly name: string;
}

/** All of them. */
export function findStores(client: Client) {
  return Array.fromAsync(client.all(STORES, {}));
}

export function findStore(client: Client, wanted: string) {
  return find('store', wanted, client.all(STORES, {}));
}

export function findConnection(client: Client, wanted: string) {
  return find('connection', wanted, client.all(CONNECTIONS, {}));
}

export function findRule(client: Client, wanted: string) {
  return find('rule', wanted, client.all(RULES, {}));
}

export function findAlert(client: Client, wanted: string) {
  return find('alert', wanted, client.all(ALERTS, {}));
}

export function findAdminToken(client: Client, wanted: string) {
  return find('admin token', wanted, client.all('/admin-tokens', {}));
}

/** Without regard to case, as the bridge compares names. */
async function find<T extends Named>(what: string, wanted: string, all: AsyncIterable<T>): Promise<T> {
  const name = wanted.trim().toLowerCase();
  const known: T[] = [];
  for await (const one of all) {
    if (one.id === wanted) return one;
    known.push(one);
  }
  const [first, ...more] = known.filter((one) => one.name.toLowerCase() === name);
  if (!first)
    throw nothing(
      `There is no ${what} ${wanted}${known.length > 0 ? `; there ${known.length === 1 ? 'is' : 'are'} ${known.map((one) => one.name).join(', ')}` : ''}.`,
    );
  if (more.length > 0)
    throw nothing(
      `Several are named ${wanted}; give the id: ${[first, ...more].map(({ id }) => id).join(', ')}.`,
    );
  return first;
}
