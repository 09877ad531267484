/** Receivers of alerts for tests: an HTTP server that keeps what comes and answers as told, and a mail server. */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { KEPT_ALIVE } from './emulator/server.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire; the tests say what it must be
  readonly body: any;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** From now on each request is answered so; 200 without this. */
  answer(how: (response: ServerResponse, got: Received) => void): void;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let how = (response: ServerResponse, _got: Received): void => void response.end('ok');
  const server = createServer(KEPT_ALIVE, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { url = '', headers } = request;
    const got = { path: url, headers, text, body: text.startsWith('{') ? JSON.parse(text) : null };
    received.push(got);
    how(response, got);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/T00/secret-path`,
    received,
    answer(next) {
      how = next;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Letters {
  readonly port: number;
  /** As they came over the wire, with whom they were for. */
  readonly letters: { readonly to: readonly string[]; readonly text: string }[];
  stop(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions = {}): Promise<Letters> {
  const letters: Letters['letters'] = [];
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    // Its own certificate is signed by nobody.
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        letters.push({ to, text: Buffer.concat(chunks).toString() });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return {
    port: (listening.address() as AddressInfo).port,
    letters,
    stop: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
