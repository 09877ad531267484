/** A sync of a store where nothing differs: it reads page by page and writes nothing. */

import { eventually } from '../test/bridge.ts';
import { isWrite, wordsOf } from '../test/fault/world.ts';
import { onStage, type Sizes } from './bench.ts';
import { ms, type Row, timed } from './figures.ts';
import { fill } from './fill.ts';

const SYNC_WITHIN_MS = 10 * 60_000;

export function noOpSync({ syncPeople }: Sizes): Promise<readonly Row[]> {
  return onStage(true, async ({ bridge, gitlab, stores }) => {
    for (let n = 0; n < syncPeople; n++) {
      gitlab.state.addUser({ username: `p${n}`, name: `p${n} Doe`, email: `p${n}@acme.example` });
    }
    await fill({ db: bridge.db, count: syncPeople, prefix: 'p' });
    const sync = async () => {
      const started = await bridge.admin('POST', `/propagation/stores/${stores.gitlab}/sync`, {});
      const done = async () => {
        const { body } = await bridge.admin(
          'GET',
          `/propagation/stores/${stores.gitlab}/syncs/${started.body.id}`,
        );
        if (body.state === 'FAILED') throw new Error(`the sync failed: ${JSON.stringify(body)}`);
        const pending = await bridge.db('tasks').where({ state: 'pending' }).first('id');
        return body.state === 'DONE' && !pending ? body : undefined;
      };
      return eventually(done, SYNC_WITHIN_MS);
    };
    // The first sync adopts everyone with what it read.
    const adoptedMs = await timed(sync);
    gitlab.forgetRequests();
    const tookMs = await timed(sync);
    const kinds = Map.groupBy(gitlab.requests, wordsOf);
    return [
      { what: 'the sync before it, that adopts everyone', figure: ms(adoptedMs) },
      { what: 'the sync that changes nothing', figure: ms(tookMs) },
      ...[...kinds].map(([words, requests]) => ({
        what: `calls: ${words}`,
        figure: String(requests.length),
      })),
      { what: 'writes', figure: String(gitlab.requests.filter(isWrite).length), goal: '0' },
    ];
  });
}
