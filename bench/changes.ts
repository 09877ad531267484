/** Single changes: how soon the vendor hears of each, and how many calls it costs. */

import { setTimeout as pause } from 'node:timers/promises';
import { person } from '../test/bridge.ts';
import type { LoggedRequest } from '../test/emulator/server.ts';
import { type Company, createCompany } from '../test/fault/company.ts';
import { isWrite } from '../test/fault/world.ts';
import { onStage, type Stage } from './bench.ts';
import { median, ms, percentile, type Row, ratio } from './figures.ts';

const CHANGES = 200;
/** Slower than Slack's published rates for each kind of change, so that the bridge's own pacing does not show. */
const GAP_MS = 110;

/** From the SCIM answer to the first byte at each vendor. */
export function latency(): Promise<readonly Row[]> {
  return onStage(true, async (stage) => {
    const company = createCompany(stage.bridge.scim);
    for (const name of ['ann', 'bob', 'eve']) await company.hire(name);
    await company.addGroup('cooks', ['ann']);
    await stage.bridge.settled();
    const heard: Record<'slack' | 'gitlab', number[]> = { slack: [], gitlab: [] };
    for (let n = 0; n < CHANGES; n++) {
      stage.slack.forgetRequests();
      stage.gitlab.forgetRequests();
      const answeredAt = await changeNumber(company, n);
      await stage.bridge.settled();
      for (const vendor of ['slack', 'gitlab'] as const) {
        const first = stage[vendor].requests[0];
        if (!first) throw new Error(`change ${n} did not reach ${vendor}`);
        heard[vendor].push(Math.max(0, first.at - answeredAt));
      }
      await pause(GAP_MS);
    }
    return (['slack', 'gitlab'] as const).flatMap((vendor) => [
      { what: `${vendor}, median of ${CHANGES}`, figure: ms(median(heard[vendor])), goal: '< 100 ms' },
      { what: `${vendor}, p99`, figure: ms(percentile(heard[vendor], 99)) },
    ]);
  });
}

/** Makes the kinds of change in turn. Answers the wall clock at the SCIM answer. */
async function changeNumber(company: Company, n: number): Promise<number> {
  const round = Math.floor(n / 5);
  const even = round % 2 === 0;
  switch (n % 5) {
    case 0:
      await company.hire(`joiner${n}`);
      break;
    case 1:
      await company.retitle('ann', `Title ${n}`);
      break;
    case 2:
      await (even ? company.join('bob', 'cooks') : company.part('bob', 'cooks'));
      break;
    case 3:
      await company.setActive('eve', !even);
      break;
    default:
      await company.retitle('bob', `Title ${n}`);
  }
  return Date.now();
}

interface Change {
  readonly what: string;
  /** The writes that each vendor needs in any case. */
  readonly least: number;
  readonly make: (company: Company, stage: Stage) => Promise<unknown>;
}

const SINGLE: readonly Change[] = [
  { what: 'create', least: 1, make: (c) => c.hire('joe') },
  { what: 'update', least: 1, make: (c) => c.retitle('joe', 'Cook') },
  {
    what: 'PUT of the same body',
    least: 0,
    make: (c, { bridge }) => bridge.scim('PUT', `/Users/${c.idOf('joe')}`, person('joe', { title: 'Cook' })),
  },
  { what: 'add a member', least: 1, make: (c) => c.join('joe', 'cooks') },
  { what: 'remove a member', least: 1, make: (c) => c.part('joe', 'cooks') },
  { what: 'disable', least: 1, make: (c) => c.setActive('joe', false) },
  { what: 'enable', least: 1, make: (c) => c.setActive('joe', true) },
];

/** Measured when everyone and every group is linked already. */
export function calls(): Promise<readonly Row[]> {
  return onStage(true, async (stage) => {
    const company = createCompany(stage.bridge.scim);
    await company.hire('ann');
    await company.addGroup('cooks', ['ann']);
    await stage.bridge.settled();
    const rows: Row[] = [];
    let made = 0;
    let needed = 0;
    for (const { what, least, make } of SINGLE) {
      stage.slack.forgetRequests();
      stage.gitlab.forgetRequests();
      await make(company, stage);
      await stage.bridge.settled();
      made += stage.slack.requests.length + stage.gitlab.requests.length;
      needed += 2 * least;
      const counts = [stage.slack.requests, stage.gitlab.requests].map(countOf);
      rows.push({
        what,
        figure: `Slack ${counts[0]}, GitLab ${counts[1]}`,
        goal: `${least} write${least === 1 ? '' : 's'}, no other call`,
      });
    }
    return [
      ...rows,
      { what: 'all of them, to the least possible', figure: ratio(made, needed), goal: '1.00x' },
    ];
  });
}

function countOf(requests: readonly LoggedRequest[]): string {
  const writes = requests.filter(isWrite).length;
  return `${writes}w+${requests.length - writes}r`;
}
