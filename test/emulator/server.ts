/**
 * What every emulator stands on: an HTTP server on loopback that logs requests, meets faults, and can go
 * down and come back on the same port. It knows nothing of any vendor.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFaults, type Faults } from './faults.ts';

export interface EmulatedRequest {
  readonly method: string;
  /** From its first slash, without the query, percent-encoded as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON; for a form, multipart or not, its fields as text; undefined where there is none or it does not parse. */
  readonly body: unknown;
}

export interface EmulatedAnswer {
  readonly status: number;
  /** Sent as JSON; absent sends no body. */
  readonly body?: unknown;
  /** Sent as it is, in place of a body; text/plain unless the headers say otherwise. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoggedRequest {
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  readonly body: unknown;
  /** 0 where no answer was sent. */
  readonly status: number;
  /** `Date.now()` when the request's head arrived. */
  readonly at: number;
}

export interface EmulatorServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** Finished requests in the order in which they came to an end. */
  readonly requests: LoggedRequest[];
  readonly faults: Faults;
  /** Stops listening and cuts every connection. */
  down(): Promise<void>;
  /** Listens again on the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

export type Handle = (request: EmulatedRequest) => EmulatedAnswer | Promise<EmulatedAnswer>;

const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** `port` 0, the default, lets the system choose. */
export async function startServer(handle: Handle, port = 0): Promise<EmulatorServer> {
  const requests: LoggedRequest[] = [];
  const faults = createFaults();
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const at = Date.now();
    const request = await parse(incoming);
    const status = await answer(request, response, handle, faults);
    requests.push({
      method: request.method,
      path: incoming.url ?? '/',
      body: request.body,
      status,
      at,
    });
    return status;
  };
  let server: Server | null = null;
  let listening = port;
  const up = async () => {
    server = createServer((incoming, response) => {
      serve(incoming, response).catch((error: unknown) => {
        if (incoming.destroyed && !incoming.complete) return; // the client went away
        // A mistake in an emulator must be seen, not look like a fault of the vendor.
        console.error('The emulator failed:', error);
        incoming.destroy();
      });
    });
    await listen(server, listening);
    listening = (server.address() as AddressInfo).port;
  };
  const down = async () => {
    const stopping = server;
    if (!stopping) return;
    server = null;
    const closed = new Promise((resolve) => stopping.close(resolve));
    stopping.closeAllConnections();
    await closed;
  };
  await up();
  return { url: `http://127.0.0.1:${listening}`, requests, faults, down, up, close: down };
}

/** Resolves to the status sent, 0 for none. */
async function answer(
  request: EmulatedRequest,
  response: ServerResponse,
  handle: Handle,
  faults: Faults,
): Promise<number> {
  const fault = faults.take(request.method, request.path);
  if (fault?.kind === 'answer') return send(response, fault.answer);
  if (fault) {
    if (fault.applied) await handle(request);
    if (fault.kind === 'drop') response.destroy();
    return 0;
  }
  return send(response, await handle(request));
}

function send(response: ServerResponse, answered: EmulatedAnswer): number {
  const json = answered.body === undefined ? '' : JSON.stringify(answered.body);
  const text = answered.text ?? json;
  const type = answered.text === undefined ? 'application/json; charset=utf-8' : 'text/plain';
  response.writeHead(answered.status, {
    ...(text === '' ? {} : { 'content-type': type }),
    ...answered.headers,
  });
  response.end(text);
  return answered.status;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function parse(incoming: IncomingMessage): Promise<EmulatedRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error(`a body exceeds ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const url = new URL(incoming.url ?? '/', 'http://emulator');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers as Record<string, string | undefined>,
    body: await parseBody(Buffer.concat(chunks), incoming.headers['content-type'] ?? ''),
  };
}

async function parseBody(bytes: Buffer, contentType: string): Promise<unknown> {
  if (bytes.length === 0) return undefined;
  if (contentType.startsWith('multipart/form-data')) {
    const form = new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } });
    return Object.fromEntries((await form.formData()).entries());
  }
  const text = bytes.toString('utf8');
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
