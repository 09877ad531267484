/** How many changes a second reach a vendor that answers at once: with one store, and with eight. */

import type { Dialect } from '../src/db/open.ts';
import { addTitledStore } from '../test/bridge.ts';
import { type GitLabEmulator, startGitLabEmulator } from '../test/emulator/gitlab.ts';
import { createCompany } from '../test/fault/company.ts';

import { onStage, type Stage } from './bench.ts';
import { type Row, ratio, timed } from './figures.ts';

const STORES = 8;
/** For all stores together. */
const CHANGES = 1_600;
const SEVERAL = 8;
const GOALS = { sqlite: [400, 500], postgres: [250, 400] } as const;

export async function rates(dialect: Dialect): Promise<readonly Row[]> {
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

function perSecond(dialect: Dialect, stores: number): Promise<number> {
  return onStage(
    false,
    async (stage) => {
      const vendors = await Promise.all(Array.from({ length: stores }, () => startGitLabEmulator()));
      try {
        return await measured(stage, vendors);
      } finally {
        for (const vendor of vendors) await vendor.close();
      }
    },
    dialect,
  );
}

/** Changes titles while the stores are paused, then resumes all stores at once. */
async function measured({ bridge }: Stage, vendors: readonly GitLabEmulator[]): Promise<number> {
  const ids: string[] = [];
  for (const [n, vendor] of vendors.entries()) ids.push(await addStore(bridge, vendor, `GitLab ${n}`));
  const company = createCompany(bridge.scim);
  const people = Array.from({ length: CHANGES / vendors.length }, (_, n) => `p${n}`);
  for (const name of people) await company.hire(name);
  await bridge.settled();
  for (const id of ids) await bridge.admin('POST', `/propagation/stores/${id}/pause`);
  for (const name of people) await company.retitle(name, 'Cook');
  for (const vendor of vendors) vendor.forgetRequests();
  const tookMs = await timed(async () => {
    for (const id of ids) await bridge.admin('POST', `/propagation/stores/${id}/resume`);
    await bridge.settled();
  });
  const writes = vendors.flatMap(({ requests }) => requests.filter(({ method }) => method === 'PUT'));
  if (writes.length !== CHANGES) throw new Error(`${writes.length} writes of ${CHANGES}`);
  return (CHANGES * 1_000) / tookMs;
}

async function addStore(
  { admin }: Stage['bridge'],
  { url, adminToken }: GitLabEmulator,
  name: string,
): Promise<string> {
  const answer = await addTitledStore(admin, {
    ...{ type: 'GitLabSelfManaged', name, status: 'ACTIVE' },
    configuration: { BASE_URL: url, ACCESS_TOKEN: adminToken, PARALLEL_CHANGES: SEVERAL },
  });
  if (answer.status !== 201) throw new Error(`no store ${name}: ${JSON.stringify(answer.body)}`);
  return answer.body.id;
}
