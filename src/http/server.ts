/**
 * The HTTP server around the app: its limits, how it starts listening, and how it stops without cutting
 * anyone off.
 */

import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../support/log.ts';
import { demandHost, refuseUnreadable } from './malformedRequests.ts';

/** Long enough for slow IdPs, and short enough that a stalled client does not keep a connection. */
const ARRIVAL: Arrival = { headersMs: 15_000, requestMs: 60_000, checkMs: 5_000 };
/** Load balancers usually drop idle connections after a minute: they should be the first to close one. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const IDLE_SWEEP_MS = 50;

/** How long a request may take to arrive, and how often the server checks that. */
export interface Arrival {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkMs: number;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** The variable that sets it, for sentences; PORT where absent. */
  readonly portName?: string;
  readonly log: Log;
  readonly arrival?: Arrival;
}

export interface Listening {
  /** Accepts no more requests, and resolves when those under way are answered. */
  close(): Promise<void>;
}

/** Throws an Error for people where the server cannot listen on the address. */
export function listen(
  app: RequestListener,
  { host, port, portName = 'PORT', log, arrival = ARRIVAL }: ListenOptions,
): Promise<Listening> {
  const server = createServer(
    {
      headersTimeout: arrival.headersMs,
      requestTimeout: arrival.requestMs,
      connectionsCheckingInterval: arrival.checkMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      requireHostHeader: false,
    },
    demandHost(app, log),
  );
  refuseUnreadable(server, log);
  // A server may ignore an expectation that it does not know (RFC 9110 §10.1.1).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(listenMistake(error, host, portName, port), { cause: error })),
    );
    server.listen(port, host, () => resolve({ close: () => close(server, sockets) }));
  });
}

function listenMistake(error: NodeJS.ErrnoException, host: string, name: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `${name} ${port} on ${host} is in use: stop what listens there, or set another ${name}`;
    case 'EACCES':
      return `${name} ${port} on ${host} may not be used by this user: set a ${name} above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST ${host} is no address of this machine: set HOST to one that is, or to 0.0.0.0 for all`;
    default:
      return `The bridge cannot listen on ${host}, port ${port}: ${error.message}`;
  }
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const keepRemote = () => {
    // Node would keep a connection alive that was busy when the server closed.
    server.closeIdleConnections();
    // Clients open connections before they have a request; Node takes those for busy until its header timeout.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
  const sweep = setInterval(keepRemote, IDLE_SWEEP_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      server.close((error) => (error ? reject(error) : resolve()));
      keepRemote();
    });
  } finally {
    clearInterval(sweep);
  }
}
