/**
 * The HTTP server around the app: its limits, how it starts listening, and how it stops without cutting
 * anyone off.
 */

import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Log } from '../support/log.ts';
import { demandHost, refuseUnreadable } from './malformedRequests.ts';

/**
 * Enough time for slow identity providers, but too little for a client that stalls or does not read its answer to
 * keep a connection.
 */
const ARRIVAL: Arrival = { headersMs: 15_000, requestMs: 60_000, checkMs: 5_000, silenceMs: 45_000 };
/**
 * Load balancers usually drop idle connections after a minute: they should close a connection before the bridge does.
 */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const SWEEP_MS = 50;
/** A stopping server answers requests on open connections for this long. */
const LAST_REQUESTS_MS = 2_000;

/** How long a request may take to arrive, and how often the server checks that. */
export interface Arrival {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkMs: number;
  /** How long a connection with an unfinished answer may stand still. */
  readonly silenceMs: number;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** The variable that sets the port, named in error sentences; PORT where absent. */
  readonly portName?: string;
  readonly log: Log;
  readonly arrival?: Arrival;
}

export interface Listening {
  /** Accepts no new requests; resolves when those under way are answered. */
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
  server.setTimeout(arrival.silenceMs, (socket) => socket.destroy());
  const connections = followed(server);
  let closing: Promise<void> | null = null;
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(listenMistake(error, host, portName, port), { cause: error })),
    );
    server.listen(port, host, () =>
      resolve({
        close: () => {
          closing ??= close(server, connections);
          return closing;
        },
      }),
    );
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

interface Connections {
  /** For each connection, the answers that are not finished. */
  readonly owed: ReadonlyMap<Socket, ReadonlySet<ServerResponse>>;
  /** From now on each answer tells the client that its connection ends. */
  sayLast(): void;
}

function followed(server: Server): Connections {
  const owed = new Map<Socket, Set<ServerResponse>>();
  let isLast = false;
  server.on('connection', (socket) => {
    owed.set(socket, new Set());
    socket.once('close', () => owed.delete(socket));
  });
  server.prependListener('request', (request, response) => {
    if (isLast) response.shouldKeepAlive = false;
    const answers = owed.get(request.socket);
    answers?.add(response);
    response.once('close', () => answers?.delete(response));
  });
  return {
    owed,
    sayLast() {
      isLast = true;
      for (const answers of owed.values()) for (const answer of answers) answer.shouldKeepAlive = false;
    },
  };
}

/**
 * Accepts no new connections. Requests that still come on open ones are answered, each as the last. Node would cut
 * idle connections at once, and with them requests that are on their way.
 */
async function close(server: Server, { owed, sayLast }: Connections): Promise<void> {
  sayLast();
  const closed = new Promise<void>((resolve, reject) => {
    NetServer.prototype.close.call(server, (error) => (error ? reject(error) : resolve()));
  });
  const closingAt = performance.now() + LAST_REQUESTS_MS;
  const sweep = setInterval(() => {
    if (performance.now() < closingAt) return;
    for (const [socket, answers] of owed) if (answers.size === 0) socket.destroySoon();
  }, SWEEP_MS);
  try {
    await closed;
  } finally {
    clearInterval(sweep);
    server.close();
  }
}
