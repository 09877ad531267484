/** Waits for a run or a preview, with a bar on the terminal. */

import { setTimeout as pause } from 'node:timers/promises';
import { type GenericFormatter, SingleBar } from 'cli-progress';
import type { Client } from '../client/client.ts';
import { nothing } from './exit.ts';
import { CONNECTION, INCIDENT, STORE } from './paths.ts';

const ASK_EVERY_MS = 500;
const BAR_WIDTH = 40;
const UNDO_WAIT_MS = 60_000;

/** Resolves with the run when it is done. */
export async function followSync(client: Client, storeId: string, syncId: string) {
  const bar = openBar();
  try {
    for (;;) {
      const { body: run } = await client.get(`${STORE}/syncs/:syncId`, { params: { storeId, syncId } });
      const { scanned, total } = run.progress;
      bar.show(scanned, total, ofTotal(scanned, total, 'looked at'));
      if (run.state === 'FAILED') throw nothing(`The sync failed: ${run.error}`);
      if (run.state === 'DONE') return run;
      if (run.state === 'QUEUED') await neverOfPaused(client, storeId);
      await pause(ASK_EVERY_MS);
    }
  } finally {
    bar.end();
  }
}

/** Nobody works on a paused store, so a sync of it would be waited for as long as the pause lasts. */
async function neverOfPaused(client: Client, storeId: string): Promise<void> {
  const { name, paused } = (await client.get(STORE, { params: { storeId } })).body;
  if (!paused) return;
  throw nothing(`${name} is paused, so its sync begins when it is resumed. ${paused.message}`);
}

/** Resolves with the preview when it is done. */
export async function followPreview(client: Client, storeId: string) {
  const made = await client.post(`${STORE}/preview`, { params: { storeId } });
  let preview = made.body;
  const begunAt = Date.now();
  const bar = openBar();
  try {
    while (preview.state === 'RUNNING') {
      bar.show(0, null, `planning for ${Math.round((Date.now() - begunAt) / 1000)} s`);
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

/** Resolves with what an undo gave back, when all of it is settled or a minute is over. */
export async function followUndo(client: Client, incidentId: string) {
  const bar = openBar();
  const until = Date.now() + UNDO_WAIT_MS;
  try {
    for (;;) {
      const { undo } = (await client.get(INCIDENT, { params: { incidentId } })).body;
      if (!undo) return null;
      const { requested, given, moved, impossible } = undo;
      const settled = given + moved + impossible;
      bar.show(settled, requested, ofTotal(settled, requested, 'given back'));
      if (settled >= requested || Date.now() > until) return undo;
      await pause(ASK_EVERY_MS);
    }
  } finally {
    bar.end();
  }
}

/** Resolves with the run over a pulled directory when it has ended, however it did. */
export async function followPull(client: Client, connectionId: string, syncId: string) {
  const bar = openBar();
  try {
    for (;;) {
      const params = { connectionId, syncId };
      const { body: run } = await client.get(`${CONNECTION}/syncs/:syncId`, { params });
      const { read, total = null } = run.progress;
      bar.show(read, total, ofTotal(read, total, 'read'));
      if (run.state === 'FAILED') throw nothing(`The run failed: ${run.error}`);
      if (run.state !== 'QUEUED' && run.state !== 'RUNNING') return run;
      await pause(ASK_EVERY_MS);
    }
  } finally {
    bar.end();
  }
}

/** Silent without a terminal; no bar where nobody knows how much there is. */
function openBar() {
  const format: GenericFormatter = (_options, { progress }, { told, total }) => {
    const done = Math.round(progress * BAR_WIDTH);
    return total === null ? told : `${'='.repeat(done)}${'-'.repeat(BAR_WIDTH - done)} ${told}`;
  };
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true });
  let isOpen = false;
  return {
    show(value: number, total: number | null, told: string) {
      if (!isOpen) bar.start(total ?? 0, value, { told, total });
      isOpen = true;
      if (total !== null) bar.setTotal(total);
      bar.update(value, { told, total });
    },
    end() {
      if (isOpen) bar.stop();
    },
  };
}

function ofTotal(value: number, total: number | null, done: string): string {
  return `${value}${total === null ? '' : ` of ${total}`} ${done}`;
}
