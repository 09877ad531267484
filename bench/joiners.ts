/** How many joiners a minute reach GitLab when each call takes time, one after another and several at once. */

import type { RunningBridge } from '../test/bridge.ts';
import type { GitLabEmulator } from '../test/emulator/gitlab.ts';
import { createCompany } from '../test/fault/company.ts';
import { onStage } from './bench.ts';
import { type Row, ratio } from './figures.ts';

const DELAYS_MS = [50, 100, 200];
const SEVERAL = 8;
/** Enough for a few seconds of each. */
const JOINERS = { alone: 60, together: 240 };

/** A self-managed GitLab has no rate limit of its own, so that only the calls take time. */
export async function joiners(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const delayMs of DELAYS_MS) {
    const one = await perMinute(delayMs, 1, JOINERS.alone);
    const several = await perMinute(delayMs, SEVERAL, JOINERS.together);
    rows.push({
      what: `${delayMs} ms a call: a minute, 1 and ${SEVERAL} at once`,
      figure: `${one.toFixed(0)} → ${several.toFixed(0)} (${ratio(several, one)})`,
      ...(delayMs === 100 ? { goal: '>= 1800 with 8' } : {}),
    });
  }
  return rows;
}

function perMinute(delayMs: number, parallel: number, count: number): Promise<number> {
  return onStage(true, async ({ bridge, gitlab, stores }) => {
    await onlyGitLab(bridge, stores, gitlab, parallel);
    const company = createCompany(bridge.scim);
    await company.hire('first');
    await bridge.settled();
    await bridge.admin('POST', `/propagation/stores/${stores.gitlab}/pause`);
    for (let n = 0; n < count; n++) await company.hire(`joiner${n}`);
    gitlab.faults.inject({ fault: { kind: 'delay', delayMs }, times: Number.POSITIVE_INFINITY });
    gitlab.forgetRequests();
    await bridge.admin('POST', `/propagation/stores/${stores.gitlab}/resume`);
    await bridge.settled();
    const creations = gitlab.requests.filter(({ method }) => method === 'POST').map(({ at }) => at);
    if (creations.length !== count) throw new Error(`${creations.length} creations of ${count}`);
    // From the first creation to the last: one gap fewer than creations.
    return ((count - 1) * 60_000) / (Math.max(...creations) - Math.min(...creations));
  });
}

async function onlyGitLab(
  bridge: RunningBridge,
  stores: Readonly<Record<'slack' | 'gitlab', string>>,
  gitlab: GitLabEmulator,
  parallel: number,
): Promise<void> {
  await bridge.admin('DELETE', `/propagation/stores/${stores.slack}`);
  const { body } = await bridge.admin('GET', `/propagation/stores/${stores.gitlab}`);
  const { type, name, managed, status, configuration } = body;
  const changed = { ...configuration, BASE_URL: gitlab.url, PARALLEL_CHANGES: parallel };
  const saved = await bridge.admin('PUT', `/propagation/stores/${stores.gitlab}`, {
    ...{ type, name, managed, status },
    configuration: changed,
  });
  if (saved.status >= 300) throw new Error(JSON.stringify(saved.body));
  await bridge.settled();
}
