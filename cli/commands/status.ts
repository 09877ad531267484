/** `status`: how every store stands, and who has left and still has access. */

import type { AddCommand } from '../cli.ts';
import { STORE, STORES } from '../paths.ts';

const LEAVERS_TOLD_MAX = 10;

export const addStatus: AddCommand = (program, { client, out }) => {
  program
    .command('status')
    .description('how every store stands')
    .action(async () => {
      const api = client();
      const rows = [];
      for await (const { id } of api.all(STORES, {}))
        rows.push((await api.get(`${STORE}/syncStatus`, { params: { storeId: id } })).body);
      out.rows(rows, {
        store: (row) => row.store.name,
        type: (row) => row.store.type,
        state: (row) => row.syncState,
        people: (row) => row.userTotal,
        synced: (row) => row.successCount,
        unsynced: (row) => row.unsyncedCount,
        partly: (row) => row.partiallySyncedCount,
        failed: (row) => row.failedCount,
        held: (row) => row.heldCount,
        pending: (row) => row.pendingCount,
        leavers: (row) => row.openLeavers.length,
      });
      if (out.isJson) return;
      for (const { store, details, openLeavers } of rows) {
        for (const { message } of details) out.say(`${store.name}: ${message}`);
        for (const { subject, reason } of openLeavers.slice(0, LEAVERS_TOLD_MAX))
          out.say(`${store.name}: ${subject.display}: ${reason}`);
        const more = openLeavers.length - LEAVERS_TOLD_MAX;
        if (more > 0) out.say(`${store.name}: and ${more} more who have left; --json has them.`);
      }
    });
};
