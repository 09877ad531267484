/**
 * Counts the bytes of bodies that the process holds: those that arrived and whose request is not answered yet. Beyond
 * a limit it refuses the next byte with 429, so that half-sent bodies cannot fill the memory.
 */

import type { Response } from 'express';
import { ScimError } from '../answer/errors.ts';
import { BYTES_IN_HAND_MAX } from './limits.ts';

export type BytesInHand = ReturnType<typeof createBytesInHand>;

export function createBytesInHand(
  max: Readonly<Record<'connection' | 'process', number>> = BYTES_IN_HAND_MAX,
) {
  /** By connection id; connections without bytes are absent. */
  const ofConnection = new Map<string, number>();
  let inAll = 0;

  const add = (connectionId: string, bytes: number) => {
    inAll += bytes;
    const left = (ofConnection.get(connectionId) ?? 0) + bytes;
    if (left > 0) ofConnection.set(connectionId, left);
    else ofConnection.delete(connectionId);
  };

  return {
    /** Counts what arrives for one request, until it is answered or its client is gone. */
    of(connectionId: string, res: Response) {
      let mine = 0;
      res.once('close', () => {
        add(connectionId, -mine);
        mine = 0;
      });
      return {
        /** Throws ScimError 429. The bytes are not counted then, because the caller drops them. */
        take(bytes: number): void {
          const connection = (ofConnection.get(connectionId) ?? 0) + bytes;
          if (connection > max.connection) throw tooMuch('this connection', max.connection);
          if (inAll + bytes > max.process) throw tooMuch('all connections', max.process);
          if (res.closed) return;
          mine += bytes;
          add(connectionId, bytes);
        },
        /** Forgets what was read of a refused request. */
        drop(): void {
          add(connectionId, -mine);
          mine = 0;
        },
      };
    },
  };
}

function tooMuch(whose: string, max: number): ScimError {
  const detail = `The bodies of ${whose} that are being read have ${max} bytes together; send this one again shortly.`;
  return new ScimError(429, null, detail);
}
