/** Tests reach this machine alone: a connection to anywhere else fails at once, and says so. */

import { Socket } from 'node:net';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/;

interface Target {
  readonly host?: string;
  readonly path?: string;
}

const connect = Socket.prototype.connect as (this: Socket, ...given: unknown[]) => Socket;

Socket.prototype.connect = function guarded(this: Socket, ...given: unknown[]): Socket {
  const host = hostOf(given);
  if (host !== undefined && !LOOPBACK.test(host)) {
    throw new Error(`a test tried to reach ${host}: tests use loopback only`);
  }
  return connect.apply(this, given);
} as typeof Socket.prototype.connect;

/** `connect(options)`, `connect(port, host)`, or the list that node:http normalised before. */
function hostOf(given: readonly unknown[]): string | undefined {
  const [first, second] = given;
  if (Array.isArray(first)) return hostOf(first);
  if (typeof first === 'object' && first !== null) return (first as Target).host;
  return typeof second === 'string' ? second : undefined;
}
