/**
 * How many changes a second reach a vendor that answers at once: with one store, and with eight. The bridge is the real
 * process; the vendors are in this one.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Dialect } from '../src/db/open.ts';
import { patch, person } from '../test/bridge.ts';
import { DRIVER } from '../test/database.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { onBoth } from './bench.ts';
import { type Row, ratio } from './figures.ts';
import { type RealProcess, startProcess, type Tenant } from './process.ts';

const STORES = 8;
/** For all stores together. */
const CHANGES = 1_600;
const SEVERAL = 8;
const GOALS = { sqlite: [400, 500], postgres: [250, 400] } as const;
const WITHIN_MS = 300_000;

export async function rates(): Promise<readonly Row[]> {
  return onBoth(on);
}

async function on(dialect: Dialect): Promise<readonly Row[]> {
  const one = await perSecond(dialect, 1);
  const several = await perSecond(dialect, STORES);
  const [goalOfOne, goalOfSeveral] = GOALS[dialect];
  return [
    { what: `${dialect}: one store`, figure: `${one.toFixed(0)}/s`, goal: `>= ${goalOfOne}/s` },
    {
      what: `${dialect}: ${STORES} stores`,
      figure: `${several.toFixed(0)}/s (${ratio(several, one)})`,
      goal: `>= ${goalOfSeveral}/s`,
    },
  ];
}

async function perSecond(dialect: Dialect, stores: number): Promise<number> {
  const vendors = await Promise.all(Array.from({ length: stores }, () => startGitLabEmulator()));
  const bridge = await startProcess(dialect, {}, DRIVER ?? undefined);
  try {
    return await measured(bridge, vendors);
  } finally {
    await bridge.stop();
    for (const vendor of vendors) await vendor.close();
  }
}

/** Changes titles while the stores are paused, then resumes all stores at once. */
async function measured(bridge: RealProcess, vendors: readonly GitLabEmulator[]): Promise<number> {
  const tenant = await bridge.tenant('rates');
  const stores: string[] = [];
  for (const [n, vendor] of vendors.entries()) stores.push(await addStore(bridge, tenant, vendor, n));
  const people: string[] = [];
  for (let n = 0; n < CHANGES / vendors.length; n += 1) {
    const { id = '' } = await bridge.scim(
      tenant.token,
      'POST',
      '/Users',
      person(`p${n}`, { title: 'Joiner' }),
    );
    people.push(id);
  }
  // The tenant came with a user.
  await heard(vendors, 'POST', CHANGES + vendors.length);
  for (const store of stores) await bridge.admin('POST', `${store}/pause`);
  const change = patch({ op: 'replace', path: 'title', value: 'Cook' });
  for (const id of people) await bridge.scim(tenant.token, 'PATCH', `/Users/${id}`, change);
  const startedAt = Date.now();
  for (const store of stores) await bridge.admin('POST', `${store}/resume`);
  const times = await heard(vendors, 'PUT', CHANGES);
  return (CHANGES * 1_000) / (Math.max(...times) - startedAt);
}

/** Waits until the vendors have been sent so many of these requests, and answers when each came. */
async function heard(
  vendors: readonly GitLabEmulator[],
  method: string,
  count: number,
): Promise<readonly number[]> {
  for (let waitedMs = 0; waitedMs < WITHIN_MS; waitedMs += 100) {
    const sent = vendors.flatMap(({ requests }) => requests.filter((each) => each.method === method));
    if (sent.length > count) throw new Error(`${sent.length} ${method} requests instead of ${count}`);
    if (sent.length === count) return sent.map(({ at }) => at);
    await pause(100);
  }
  throw new Error(`no ${count} ${method} requests came`);
}

/** The path of a store that takes the title for an attribute. */
async function addStore(
  bridge: RealProcess,
  { environmentId }: Tenant,
  { url, adminToken }: GitLabEmulator,
  n: number,
): Promise<string> {
  const all = `/environments/${environmentId}/propagation/stores`;
  const body = {
    ...{ type: 'GitLabSelfManaged', name: `GitLab ${n}` },
    configuration: { BASE_URL: url, ACCESS_TOKEN: adminToken, PARALLEL_CHANGES: SEVERAL },
  };
  const { id } = await bridge.admin('POST', all, { ...body, status: 'INACTIVE' });
  const store = `${all}/${id}`;
  const mappings = [{ targetAttribute: 'bio', sourceAttribute: 'title' }];
  await bridge.admin('PUT', `${store}/mappings`, { mappings });
  await bridge.admin('PUT', store, { ...body, status: 'ACTIVE' });
  return store;
}
