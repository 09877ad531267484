/**
 * Answers input that never becomes a request to the app: text that is not HTTP, a header that is too large, a request
 * that does not arrive in time. The answers look like the app's own: a SCIM error or a problem document.
 */

import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { newId } from '../support/ids.ts';
import type { Log } from '../support/log.ts';
import { PROBLEM_TYPE, problemBody } from '../support/problem.ts';
import { SCIM_PATH, SCIM_TYPE, scimErrorBody } from '../support/scimError.ts';

/** The error that Node's parser and its timeouts raise. */
interface ParserError extends Error {
  readonly code?: string;
  /** The bytes that arrived last, if they caused the error. */
  readonly rawPacket?: Buffer;
}

interface Exchange {
  readonly path: string | undefined;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const REASONS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'The path and the headers are too large. A long filter can be the body of a POST to /Users/.search.',
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    413,
    'The extensions of the chunks of the body are larger than the limit of 16384 bytes.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

export function refuseUnreadable(server: Server, log: Log): void {
  const latest = new WeakMap<Duplex, Exchange>();
  // Registered before the app, which shortens the path as it handles the request.
  server.prependListener('request', (request, response) =>
    latest.set(request.socket, { path: request.url, request, response }),
  );
  server.on('clientError', (error: ParserError, socket: Duplex) => {
    const last = latest.get(socket);
    const open = last && !(last.request.complete && last.response.writableFinished) ? last : null;
    // The malformed bytes follow a complete request: that one gets its own answer first.
    if (open?.request.complete) {
      open.response.shouldKeepAlive = false;
      return void open.response.once('close', () => socket.destroy());
    }
    if (open?.response.headersSent || !socket.writable) return void socket.destroy();
    const [status, detail] = REASONS[error.code ?? ''] ?? [400, 'This is no valid HTTP request.'];
    const { headers, body } = refuse(log, open?.path ?? pathIn(error.rawPacket), status, detail);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`;
    socket.end(head + body, () => socket.destroy());
  });
}

/** RFC 9112 §3.2: a request names one host. Without one, Node would answer in its own words. */
export function demandHost(app: RequestListener, log: Log): RequestListener {
  return (request, response) => {
    const hosts = request.headersDistinct.host?.length ?? 0;
    if (hosts === 1 || (hosts === 0 && request.httpVersion === '1.0')) return app(request, response);
    const { status, headers, body } = refuse(log, request.url, 400, 'A request has exactly one Host header.');
    response.writeHead(status, headers).end(body);
  };
}

function refuse(log: Log, path: string | undefined, status: number, detail: string): Refusal {
  const correlationId = newId();
  log.info({ correlationId, status }, 'refused what could not be read');
  const scimType = status === 400 ? 'invalidSyntax' : null;
  const isScim = path === undefined || SCIM_PATH.test(path);
  const body = JSON.stringify(
    isScim ? scimErrorBody(status, scimType, detail) : problemBody({ status, detail }, correlationId),
  );
  const headers = {
    'X-Correlation-Id': correlationId,
    'Cache-Control': 'no-store',
    'Content-Type': `${isScim ? SCIM_TYPE : PROBLEM_TYPE}; charset=utf-8`,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  return { status, headers, body };
}

/** Undefined where there is no request line; the answer is then a SCIM error, as most clients expect. */
function pathIn(packet: Buffer | undefined): string | undefined {
  return /^[A-Z]+ (\/\S*)/.exec(packet?.toString('latin1', 0, REQUEST_LINE_BYTES_MAX) ?? '')?.[1];
}

const REQUEST_LINE_BYTES_MAX = 1024;
