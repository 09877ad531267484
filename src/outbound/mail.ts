/**
 * Sends letters through the mail server of SMTP_URL. Besides HTTP and LDAP, this is the only way out that a setting
 * opens. It resolves the name once and connects to that address, but never to a link-local or metadata address.
 */

import nodemailer from 'nodemailer';
import { type AddressedLetter, type Post, PostFailed } from '../model/alerts/mail.ts';
import { createResolve, type Resolve } from './resolve.ts';
import { isAddress, zoneOf } from './zones.ts';

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. Otherwise STARTTLS, which is required where there is a password. */
  readonly secure: boolean;
  readonly auth: { readonly user: string; readonly pass: string } | null;
  /** The sender of the letters. */
  readonly from: string;
}

const PORTS: Readonly<Record<string, number>> = { 'smtp:': 587, 'smtps:': 465 };
const ADDRESS = /^[^\s@<>",;:\\()[\]]+@[A-Za-z0-9.-]+$/;

/** Parses `SMTP_URL`. Throws an Error that says what is wrong, without the password. */
export function parseMailServer(text: string): MailServer {
  const url = URL.canParse(text) ? new URL(text) : null;
  const port = url && PORTS[url.protocol];
  if (!url || port === undefined || port === null || url.hostname === '' || !/^\/?$/.test(url.pathname)) {
    throw new Error(
      'SMTP_URL must be smtp://USER:PASSWORD@HOST:PORT?from=ADDRESS, or smtps:// for TLS from the first byte',
    );
  }
  const others = [...url.searchParams.keys()].filter((name) => name !== 'from');
  if (others.length > 0)
    throw new Error(`SMTP_URL knows no ${others.join(', ')}: only from can follow the ?`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isAddress(host) && zoneOf(host) === 'never')
    throw new Error('SMTP_URL leads to a link-local or metadata address, to which the bridge never connects');
  const user = decodeURIComponent(url.username);
  const from = url.searchParams.get('from') ?? (ADDRESS.test(user) ? user : `scim-bridge@${host}`);
  if (!ADDRESS.test(from)) throw new Error('SMTP_URL: from must be an e-mail address');
  return {
    ...{ host, from, port: url.port === '' ? port : Number(url.port), secure: url.protocol === 'smtps:' },
    auth: user === '' ? null : { user, pass: decodeURIComponent(url.password) },
  };
}

/** Every letter has its own connection: there are few letters, and none should wait for another. */
export function createPost(server: MailServer, resolve: Resolve = createResolve()): Post {
  return async (letter, signal) => {
    const address = await addressOf(server.host, resolve);
    const sent = deliver(server, address, letter);
    return Promise.race([sent, aborted(signal)]);
  };
}

const SILENCE_MAX_MS = 10_000;

async function deliver(server: MailServer, address: string, { id, to, subject, text }: AddressedLetter) {
  const { host, port, secure, auth, from } = server;
  const transport = nodemailer.createTransport({
    ...{
      host: address,
      port,
      secure,
      requireTLS: auth !== null,
      tls: { servername: isAddress(host) ? '' : host },
    },
    ...(auth ? { auth: { ...auth } } : {}),
    ...{ connectionTimeout: SILENCE_MAX_MS, greetingTimeout: SILENCE_MAX_MS, socketTimeout: SILENCE_MAX_MS },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
  try {
    const sent = await transport.sendMail({
      from,
      to: [...to],
      subject,
      text,
      messageId: `<${id}@scim-bridge.invalid>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    return { status: Number.parseInt(sent.response, 10) || 0, refused: sent.rejected };
  } catch (error) {
    throw failureOf(error as { code?: string; responseCode?: number; response?: string });
  } finally {
    transport.close();
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  EAUTH: 'the mail server refuses the user name or password of SMTP_URL',
  EENVELOPE: 'the mail server refuses the sender or all addresses',
  ETLS: 'the mail server offers no TLS that can be trusted, and the password must not go in clear',
  ESOCKET: 'the connection to the mail server failed: its certificate may not be trusted',
  ETIMEDOUT: 'the mail server does not answer',
};

function failureOf({
  code = '',
  responseCode = 0,
  response = '',
}: {
  code?: string;
  responseCode?: number;
  response?: string;
}) {
  const sentence =
    SENTENCES[code] ?? `the mail server did not take the e-mail (${code || 'connection lost'})`;
  return new PostFailed(sentence, responseCode, response);
}

function addressOf(host: string, resolve: Resolve): Promise<string> {
  if (isAddress(host)) return Promise.resolve(host);
  return new Promise((done, fail) => {
    resolve(host, { all: true }, (error, addresses) => {
      const [first] = addresses;
      if (error || !first) fail(new PostFailed(`the mail server ${host} has no address`, 0, ''));
      else if (addresses.some(({ address }) => zoneOf(address) === 'never'))
        fail(new PostFailed(`${host} leads to a link-local or metadata address`, 0, ''));
      else done(first.address);
    });
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, fail) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
  });
}
