/** `status`: how every store stands, worst first. */

import type { AddCommand } from '../cli.ts';
import { STORE, STORES } from '../paths.ts';

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
        for (const { subject, reason } of openLeavers)
          out.say(`${store.name}: ${subject.display}: ${reason}`);
      }
    });
};
