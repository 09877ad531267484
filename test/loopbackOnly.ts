/** Tests reach this machine alone: a connection to anywhere else fails at once, and says so. */

import { type LookupFunction, Socket } from 'node:net';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/;

interface Target {
  readonly host?: string;
  lookup?: LookupFunction;
}

const connect = Socket.prototype.connect as (this: Socket, ...given: unknown[]) => Socket;

Socket.prototype.connect = function guarded(this: Socket, ...given: unknown[]): Socket {
  const target = targetOf(given);
  if (target?.lookup) target.lookup = loopbackAlone(target.lookup);
  else refuse(target?.host);
  return connect.apply(this, given);
} as typeof Socket.prototype.connect;

function refuse(host: string | undefined): void {
  if (host !== undefined && !LOOPBACK.test(host)) {
    throw new Error(`a test tried to reach ${host}: tests use loopback only`);
  }
}

/** A test may resolve names itself, to this machine. */
function loopbackAlone(lookup: LookupFunction): LookupFunction {
  return (host, options, done) =>
    lookup(host, options, (error, address, family) => {
      const found = typeof address === 'string' ? [{ address }] : address;
      for (const { address: one } of error ? [] : found) refuse(one);
      done(error, address, family);
    });
}

/** `connect(options)`, `connect(port, host)`, or the list that node:http normalised before. */
function targetOf(given: readonly unknown[]): Target | undefined {
  const [first, second] = given;
  if (Array.isArray(first)) return targetOf(first);
  if (typeof first === 'object' && first !== null) return first as Target;
  return typeof second === 'string' ? { host: second } : undefined;
}
