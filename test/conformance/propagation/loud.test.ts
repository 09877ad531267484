/** What an operator must hear of without asking: one line at `warn` in the log for each. */

import { createLog } from '../../../src/support/log.ts';
import { movableClock, patch } from '../../bridge.ts';
import { PLAYED } from '../../database.ts';
import { crowdIn, TIGHT } from './crowd.ts';
import { startWorld, untilSyncState, type World } from './world.ts';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

const clock = movableClock();
let world: World;
let lines: Line[];
const { deactivate, joinMany } = crowdIn(() => world);

const said = (words: string) => lines.filter(({ level, msg }) => level === 'warn' && msg.includes(words));
const leave = (id: string) =>
  world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: false } }));

describe.each(PLAYED)('on %s', (dialect) => {
  beforeEach(async () => {
    lines = [];
    const log = createLog('warn', { write: (line) => void lines.push(JSON.parse(line)) });
    world = await startWorld(dialect, clock, { log });
  });
  afterEach(() => world.stop());

  it('says that the brake trips, and once for each loss that it holds', async () => {
    await world.add('Demo', TIGHT);
    await deactivate(await joinMany(3));
    const trips = said('the brake tripped');
    expect(trips).toEqual([expect.objectContaining({ storeId: world.id('Demo'), store: 'Demo' })]);
    expect(trips[0]?.reason).toContain('the limit is 1');
    expect(said('a change waits for a decision')).toHaveLength(2);
    expect(said('a change waits')[0]).toMatchObject({ op: 'disable', changes: 1, incident: 1 });
  });

  it('says that a cause is held whole', async () => {
    await world.add('Demo', { GROUP_PROVISIONING: 'Create' });
    const group = await world.group('crew', await joinMany(6));
    await world.remove(`/Groups/${group}`);
    expect(said('a change waits for a decision')).toEqual([
      expect.objectContaining({ op: 'revoke', changes: 6, reason: expect.stringContaining('one cause') }),
    ]);
  });

  it('says that a store is paused, and who is overdue', async () => {
    await world.add('GitLabSelfManaged', { LEAVER_DEADLINE_SECONDS: 60 });
    const jane = await world.join('jane');
    world.gitlab.state.tokens.clear();
    await leave(jane);
    await untilSyncState(world, 'GitLabSelfManaged', 'PAUSED');
    expect(said('a store is paused')).toEqual([
      expect.objectContaining({ store: 'GitLabSelfManaged', code: 'invalid_credential' }),
    ]);
    clock.advance(61_000);
    await world.bridge.ring();
    await world.bridge.ring();
    expect(said('a leaver is overdue')).toHaveLength(1);
  });

  it('says once that a leaver is refused, and has access still', async () => {
    await world.add('Slack');
    const jane = await world.join('jane');
    const body = {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      detail: 'cannot_perform_operation',
      status: 400,
    };
    world.slack.faults.inject({
      fault: { kind: 'answer', answer: { status: 400, body } },
      matches: ({ method }) => method !== 'GET',
      times: Number.POSITIVE_INFINITY,
    });
    await leave(jane);
    await world.settled();
    expect(said('a leaver is refused')).toEqual([
      expect.objectContaining({
        store: 'Slack',
        reason: expect.stringContaining('cannot_perform_operation'),
      }),
    ]);
  });
});
