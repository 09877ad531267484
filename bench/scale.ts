/** Costs that should not grow with the directory: one member of a large group, one look-up among many people. */

import { patch, person } from '../test/bridge.ts';
import { onStage, type Sizes, type Stage } from './bench.ts';
import { median, ms, type Row, ratio, timed, timesOf } from './figures.ts';
import { externalIdOf, fill } from './fill.ts';

const ADDITIONS = 15;
const SMALL_MEMBERS = 10;
const SMALL_USERS = 1_000;
const LOOK_UPS = 100;

interface Addition {
  readonly answerMs: number;
  /** From the SCIM answer until Slack was told. */
  readonly propagatedMs: number;
  /** The longest that another request took meanwhile. */
  readonly stallMs: number;
}

export function largeGroup({ groupMembers }: Sizes): Promise<readonly Row[]> {
  return onStage(true, async (stage) => {
    const newcomers: string[] = [];
    for (let n = 0; n < 2 * ADDITIONS; n++)
      newcomers.push((await stage.bridge.scim('POST', '/Users', person(`new${n}`))).body.id);
    const small = await group(stage, 'small', SMALL_MEMBERS);
    const large = await group(stage, 'large', groupMembers);
    const ofSmall = await addMembers(stage, small, newcomers.slice(0, ADDITIONS));
    const ofLarge = await addMembers(stage, large, newcomers.slice(ADDITIONS));
    const row = (what: string, of: keyof Addition, pick: (times: readonly number[]) => number): Row => {
      const [few, many] = [ofSmall, ofLarge].map((additions) =>
        pick(additions.map((addition) => addition[of])),
      );
      return { what, figure: `${ms(few ?? 0)} → ${ms(many ?? 0)} (${ratio(many ?? 0, few ?? 0)})` };
    };
    return [
      row('SCIM answer, median', 'answerMs', median),
      row('until Slack has the member, median', 'propagatedMs', median),
      row('longest stall of another request', 'stallMs', (times) => Math.max(...times)),
    ];
  });
}

async function group(stage: Stage, name: string, members: number): Promise<string> {
  const { body } = await stage.bridge.scim('POST', '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: name,
  });
  await stage.bridge.settled();
  const remote = [...stage.slack.groups.values()].find(({ displayName }) => displayName === name);
  if (!remote) throw new Error(`Slack has no group ${name}`);
  const { db } = stage.bridge;
  const remoteIdOf = (n: number) => `U${name.toUpperCase()}${n}`;
  const linked = { storeId: stage.stores.slack, remoteIdOf };
  await fill({ db, count: members, prefix: name, linked, group: { id: body.id, remoteId: remote.id } });
  return body.id;
}

async function addMembers(
  stage: Stage,
  groupId: string,
  ids: readonly string[],
): Promise<readonly Addition[]> {
  const { bridge, slack } = stage;
  const additions: Addition[] = [];
  for (const id of ids) {
    slack.forgetRequests();
    let over = false;
    const stalls = watch(stage, id, () => over);
    const operation = { op: 'add', path: 'members', value: [{ value: id }] };
    const answerMs = await timed(() => bridge.scim('PATCH', `/Groups/${groupId}`, patch(operation)));
    const answeredAt = Date.now();
    await bridge.settled();
    over = true;
    const told = slack.requests.find(({ method }) => method === 'PATCH');
    if (!told) throw new Error('Slack was not told');
    additions.push({ answerMs, propagatedMs: Math.max(0, told.at - answeredAt), stallMs: await stalls });
  }
  return additions;
}

async function watch({ bridge }: Stage, id: string, isOver: () => boolean): Promise<number> {
  let longest = 0;
  while (!isOver()) longest = Math.max(longest, await timed(() => bridge.scim('GET', `/Users/${id}`)));
  return longest;
}

type Filter = (name: string) => string;

const LOOK_UP_FILTERS: Readonly<Record<string, Filter>> = {
  'userName eq': (name) => `userName eq "${name}@ACME.example"`,
  'externalId eq': (name) => `externalId eq "${externalIdOf(name)}"`,
  'emails.value eq': (name) => `emails.value eq "${name}@ACME.example"`,
};

export async function lookUps({ users }: Sizes): Promise<readonly Row[]> {
  const few = await mediansAmong(SMALL_USERS);
  const many = await mediansAmong(users);
  return Object.keys(LOOK_UP_FILTERS).map((what) => {
    const [small, large] = [few.get(what) ?? 0, many.get(what) ?? 0];
    return {
      what: `${what}, median`,
      figure: `${ms(small)} → ${ms(large)} (${ratio(large, small)})`,
      goal: '<= 2x',
    };
  });
}

function mediansAmong(count: number): Promise<ReadonlyMap<string, number>> {
  return onStage(false, async ({ bridge }) => {
    await fill({ db: bridge.db, count, prefix: 'p' });
    const medians = new Map<string, number>();
    for (const [what, filter] of Object.entries(LOOK_UP_FILTERS)) {
      const lookUp = async (n: number) => {
        const text = filter(`p${(n * 7919) % count}`);
        const found = await bridge.scim('GET', `/Users?filter=${encodeURIComponent(text)}`);
        if (found.body.totalResults !== 1) throw new Error(`${text} was not found`);
      };
      await timesOf(LOOK_UPS, lookUp);
      medians.set(what, median(await timesOf(LOOK_UPS, lookUp)));
    }
    return medians;
  });
}
