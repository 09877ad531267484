/** Asks a bridge's app as an HTTP client does, without a socket. */

import { IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly token: string;
  readonly type: 'application/json' | 'application/scim+json';
  readonly body?: unknown;
}

export interface Reply {
  readonly status: number;
  /** Parsed; null where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: each caller knows what it asked for
  readonly body: any;
}

export function isDone({ status }: Reply): boolean {
  return status >= 200 && status < 300;
}

export async function ask(app: RequestListener, question: Question): Promise<Reply> {
  const sent: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(chunk);
      done();
    },
  }) as Socket;
  const request = requestOf(socket, question);
  const response = new ServerResponse(request);
  response.useChunkedEncodingByDefault = false;
  response.assignSocket(socket);
  const finished = new Promise<void>((resolve) => response.once('finish', resolve));
  app(request, response as ServerResponse & { req: IncomingMessage });
  await finished;
  response.emit('close');
  const message = Buffer.concat(sent).toString();
  const text = message.slice(message.indexOf('\r\n\r\n') + 4);
  return { status: response.statusCode, body: text === '' ? null : JSON.parse(text) };
}

function requestOf(socket: Socket, { method, path, token, type, body }: Question): IncomingMessage {
  const text = body === undefined ? '' : JSON.stringify(body);
  const request = new IncomingMessage(socket);
  request.method = method;
  request.url = path;
  request.httpVersion = '1.1';
  request.headers = {
    host: 'bridge.simulated',
    authorization: `Bearer ${token}`,
    ...(body === undefined
      ? {}
      : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) }),
  };
  if (text !== '') request.push(text);
  request.push(null);
  request.complete = true;
  return request;
}
