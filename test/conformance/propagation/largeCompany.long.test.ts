/** A company of 400 whose identity provider deactivates everybody, one by one: what it costs, and the way back. */

import { createLog } from '../../../src/support/log.ts';
import { patch } from '../../bridge.ts';
import { crowdIn } from './crowd.ts';
import { type StoreType, startWorld, type World } from './world.ts';

const PEOPLE = 400;
const LEAVING = 60;
const TEST_MS = 300_000;

let world: World;
const { joinMany } = crowdIn(() => world);

describe.each([
  ['sqlite', 'Demo'],
  ['postgres', 'GitLabSelfManaged'],
] as const)('on %s, with %s', (dialect, type: StoreType) => {
  afterEach(() => world.stop());

  it(
    'twenty lose access, loudly, and an undo gives them back',
    async () => {
      const lines: { msg: string; reason?: string }[] = [];
      const log = createLog('warn', { write: (line) => void lines.push(JSON.parse(line)) });
      world = await startWorld(dialect, undefined, { log });
      await world.add(type);
      const ids = await joinMany(PEOPLE);
      for (const id of ids.slice(0, LEAVING))
        await world.bridge.scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: false } }));
      await world.settled();
      const enabled = async () => {
        let count = 0;
        for (let n = 0; n < PEOPLE; n++) if ((await world.account(type, `p${n}`))?.enabled) count += 1;
        return count;
      };
      expect(await enabled()).toBe(PEOPLE - 20);
      expect(await world.syncStatus(type)).toMatchObject({ syncState: 'BRAKED', heldCount: LEAVING - 20 });
      expect(lines.filter(({ msg }) => msg.startsWith('the brake tripped'))).toEqual([
        expect.objectContaining({ reason: expect.stringContaining('the limit is 20') }),
      ]);
      const [incident] = (await world.bridge.admin('GET', '/propagation/incidents')).body._embedded.incidents;
      expect(incident.stores).toMatchObject([{ lost: 20, held: LEAVING - 20, limit: 20, base: PEOPLE }]);
      const undo = `/propagation/incidents/${incident.id}/undo`;
      expect((await world.bridge.admin('POST', undo, { all: true })).status).toBe(202);
      await world.settled();
      expect(await enabled()).toBe(PEOPLE);
      expect(await world.syncStatus(type)).toMatchObject({ heldCount: 0, openLeavers: [] });
    },
    TEST_MS,
  );
});
