/**
 * The HTTP side of every vendor emulator: a server on loopback that reads bodies in any of the encodings
 * that clients use, keeps a log of what was asked, fails on demand, and can go down and come back on the
 * same port. What a request means is the vendor's file to say. Uses nothing of a test framework: the demo
 * starts it too.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFaults, type Fault, type Faults } from './faults.ts';

export interface EmulatedRequest {
  readonly method: string;
  /** As sent, percent-encoding included, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** An object for JSON, multipart and form bodies; null without a body; otherwise the text. */
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it is (text/plain unless the headers say otherwise), everything else as JSON. */
  readonly body?: unknown;
}

export interface LoggedRequest extends EmulatedRequest {
  /** Of the answer; 0 where none was sent (yet). */
  status: number;
  /** Whether the vendor's state saw the request: false where a fault came first. */
  applied: boolean;
  /** Wall clock, milliseconds. */
  readonly at: number;
}

export interface EmulatorServer {
  /** Without a slash at the end. */
  readonly url: string;
  readonly requests: readonly LoggedRequest[];
  readonly faults: Faults;
  forgetRequests(): void;
  /** Refuses connections until `comeBack`, as a vendor that is down; what hangs is cut. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/** Synchronous, so that requests take effect one after another. */
export type Handle = (request: EmulatedRequest) => Answer;

/** The longest body that an emulator reads. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** Serves what `create` makes for the address. `port` 0 takes a free one. */
export async function serve<E extends { readonly handle: Handle }>(
  create: (url: string) => E,
  port = 0,
): Promise<E & Omit<EmulatorServer, keyof E>> {
  let emulated: E | undefined;
  const server = await startServer((request) => {
    if (!emulated) throw new Error('asked before it was ready');
    return emulated.handle(request);
  }, port);
  emulated = create(server.url);
  return { ...server, ...emulated };
}

async function startServer(handle: Handle, port: number): Promise<EmulatorServer> {
  const requests: LoggedRequest[] = [];
  const faults = createFaults();
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    respond(incoming, outgoing).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(500, { 'content-type': 'text/plain' });
      outgoing.end(`the emulator failed: ${String(error)}`);
    });
  };
  const respond = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const request = await readRequest(incoming);
    const logged: LoggedRequest = { ...request, status: 0, applied: false, at: Date.now() };
    requests.push(logged);
    const fault = faults.take(request);
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    if (fault?.kind === 'hold') await fault.until;
    let answer: Answer | undefined;
    if (reachesVendor(fault)) {
      logged.applied = true;
      answer = handle(request);
    }
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'drop') {
      outgoing.destroy();
      return;
    }
    if (fault?.kind === 'answer')
      answer = typeof fault.answer === 'function' ? fault.answer(request) : fault.answer;
    if (!answer) throw new Error('no answer');
    logged.status = answer.status;
    send(outgoing, answer);
  };

  let server = await listen(onRequest, port);
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    requests,
    faults,
    forgetRequests() {
      requests.length = 0;
    },
    goDown: () => shut(server),
    async comeBack() {
      server = await listen(onRequest, bound);
    },
    close: () => shut(server),
  };
}

function reachesVendor(fault: Fault | null): boolean {
  return fault === null || fault.kind === 'delay' || fault.kind === 'hold' || fault.applied === true;
}

/**
 * Longer than a busy machine lets a client pause: whoever asks at the moment when a server ends an idle connection gets
 * no answer.
 */
export const KEPT_ALIVE = { keepAliveTimeout: 65_000 };

function listen(
  onRequest: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
  port: number,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(KEPT_ALIVE, onRequest);
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function readRequest(incoming: IncomingMessage): Promise<EmulatedRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error(`a body beyond ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const url = new URL(incoming.url ?? '/', 'http://emulator');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : (value ?? ''),
      ]),
    ),
    body: await parseBody(new Uint8Array(Buffer.concat(chunks)), incoming.headers['content-type'] ?? ''),
  };
}

async function parseBody(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<unknown> {
  if (bytes.length === 0) return null;
  const text = new TextDecoder().decode(bytes);
  if (/^application\/([\w.-]+\+)?json/i.test(contentType)) {
    try {
      return JSON.parse(text);
    } catch {
      return text; // the vendor's file answers what the vendor answers to broken JSON
    }
  }
  if (/^(multipart\/form-data|application\/x-www-form-urlencoded)/i.test(contentType)) {
    const form = await new Response(bytes, {
      headers: { 'content-type': contentType },
    }).formData();
    return Object.fromEntries(form.entries());
  }
  return text;
}

function send(outgoing: ServerResponse, answer: Answer): void {
  const { headers, text } = encode(answer);
  outgoing.writeHead(answer.status, headers).end(text ?? undefined);
}

function encode({ headers = {}, body }: Answer): { headers: Record<string, string>; text: string | null } {
  if (body === undefined) return { headers, text: null };
  const isText = typeof body === 'string';
  return {
    headers: { 'content-type': isText ? 'text/plain' : 'application/json', ...headers },
    text: isText ? body : JSON.stringify(body),
  };
}
/** A request of `fetch` as an emulator reads it, for those who ask one without a socket. */
export async function readFetch(url: string, init: RequestInit): Promise<EmulatedRequest> {
  const request = new Request(url, { ...init, signal: null });
  const { pathname, searchParams } = new URL(url);
  const contentType = request.headers.get('content-type') ?? '';
  return {
    method: request.method,
    path: pathname,
    query: searchParams,
    headers: Object.fromEntries(request.headers),
    body: await parseBody(new Uint8Array(await request.arrayBuffer()), contentType),
  };
}

/** What `fetch` makes of an emulator's answer. */
export function toResponse(answer: Answer): Response {
  const { headers, text } = encode(answer);
  return new Response(text, { status: answer.status, headers });
}
