/** Waits for a run or a preview, with a bar on the terminal. */

import { setTimeout as pause } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Client } from '../client/client.ts';
import { nothing } from './exit.ts';
import { CONNECTION, STORE } from './paths.ts';

const ASK_EVERY_MS = 500;

/** Resolves with the run when it is done. */
export async function followSync(client: Client, storeId: string, syncId: string) {
  const bar = openBar('{value} looked at, of {total}');
  try {
    for (;;) {
      const { body: run } = await client.get(`${STORE}/syncs/:syncId`, { params: { storeId, syncId } });
      bar.show(run.progress.scanned, run.progress.total);
      if (run.state === 'FAILED') throw nothing(`The sync failed: ${run.error}`);
      if (run.state === 'DONE') return run;
      await pause(ASK_EVERY_MS);
    }
  } finally {
    bar.end();
  }
}

/** Resolves with the preview when it is done. */
export async function followPreview(client: Client, storeId: string) {
  const made = await client.post(`${STORE}/preview`, { params: { storeId } });
  let preview = made.body;
  const bar = openBar('planning for {duration_formatted}');
  try {
    while (preview.state === 'RUNNING') {
      bar.show(0, null);
      await pause(ASK_EVERY_MS);
      const params = { storeId, previewId: preview.id };
      preview = (await client.get(`${STORE}/preview/:previewId`, { params })).body;
    }
  } finally {
    bar.end();
  }
  if (preview.state === 'FAILED') throw nothing(`The preview failed: ${preview.error}`);
  return preview;
}

/** Resolves with the run over a pulled directory when it has ended, however it did. */
export async function followPull(client: Client, connectionId: string, syncId: string) {
  const bar = openBar('{value} read, of {total}');
  try {
    for (;;) {
      const params = { connectionId, syncId };
      const { body: run } = await client.get(`${CONNECTION}/syncs/:syncId`, { params });
      bar.show(run.progress.read, run.progress.total ?? null);
      if (run.state === 'FAILED') throw nothing(`The run failed: ${run.error}`);
      if (run.state !== 'QUEUED' && run.state !== 'RUNNING') return run;
      await pause(ASK_EVERY_MS);
    }
  } finally {
    bar.end();
  }
}

/** Silent without a terminal. */
function openBar(format: string) {
  const bar = new SingleBar({ format: `{bar} ${format}`, stream: process.stderr, clearOnComplete: true });
  let isOpen = false;
  return {
    show(value: number, total: number | null) {
      if (!isOpen) bar.start(total ?? 0, value);
      isOpen = true;
      if (total !== null) bar.setTotal(total);
      bar.update(value);
    },
    end() {
      if (isOpen) bar.stop();
    },
  };
}
