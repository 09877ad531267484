/**
 * One connection to an LDAP server, from the bind to its end. It never reconnects by itself: a request after the
 * connection broke fails, so that no account reads without having signed in. Its messages are those of ldapts.
 */

import type { Socket } from 'node:net';
import {
  BindRequest,
  type BindResponse,
  CompareRequest,
  type CompareResponse,
  type Control,
  ExtendedRequest,
  type ExtendedResponse,
  type Filter,
  type Message,
  MessageParser,
  PagedResultsControl,
  SearchEntry,
  SearchReference,
  SearchRequest,
  type SearchResponse,
  UnbindRequest,
} from 'ldapts';
import { RemoteError } from '../../../model/errors.ts';
import { type Entry, entryOf } from './entry.ts';
import { CODE, connectionError, resultError, unrecognised } from './errors.ts';

export interface Query {
  readonly base: string;
  readonly scope: 'base' | 'sub';
  readonly filter: Filter;
  readonly attributes: readonly string[];
  /** Asks for a page of this many entries, after the page with this cookie. */
  readonly page?: { readonly size: number; readonly cookie: Buffer };
}

export interface Found {
  readonly entries: readonly Entry[];
  /**
   * Where other servers have parts of the tree. The bridge never follows them, because the password would go along.
   */
  readonly references: readonly string[];
  /** Empty after the last page, and where the server does not page. */
  readonly cookie: Buffer;
}

export interface Comparison {
  readonly dn: string;
  readonly attribute: string;
  readonly value: string;
}

export interface Session {
  readonly isOpen: boolean;
  bind(dn: string, password: string): Promise<void>;
  search(query: Query, action: string): Promise<Found>;
  /** Whether the attribute has the value; null where the entry has no such attribute. Throws where the account may not know. */
  compare(comparison: Comparison, action: string): Promise<boolean | null>;
  /** Continues over the encrypted socket that `secure` makes from the plain one. */
  startTls(secure: (plain: Socket) => Promise<Socket>): Promise<void>;
  close(): void;
}

type Response = BindResponse | CompareResponse | ExtendedResponse | SearchResponse;

interface Asked {
  readonly message: Message;
  readonly action: string;
  readonly entries: Entry[];
  readonly references: string[];
  answered(response: Response): void;
  failed(error: RemoteError): void;
}

/** The first byte of every message. */
const SEQUENCE = 0x30;
const START_TLS = '1.3.6.1.4.1.1466.20037';
/** From the request to the last entry of its page. */
const ANSWER_WITHIN_MS = 60_000;
/** For one message; a group of several 100,000 members fits. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export function createSession(connected: Socket, signal: AbortSignal): Session {
  let socket = connected;
  let isOpen = true;
  let lastId = 0;
  let bytesUnread = 0;
  let hasHeard = false;
  const asked = new Map<string, Asked>();

  const end = (errorOf: (action: string) => RemoteError) => {
    isOpen = false;
    socket.destroy();
    const waiting = [...asked.values()];
    asked.clear();
    for (const { failed, action } of waiting) failed(errorOf(action));
  };
  const lost = (error?: unknown) => end((action) => connectionError(error, action));
  const onData = (data: Buffer) => {
    // Every message begins with this byte. A web server's answer does not, and the parser would wait for a length
    // that it misread.
    if (!hasHeard && data[0] !== SEQUENCE) return end(unrecognised);
    hasHeard = true;
    bytesUnread += data.length;
    parser.read(data, asked);
    // Any server may be where a setting points to.
    if (bytesUnread > MESSAGE_BYTES_MAX) end(unrecognised);
  };
  const onClose = () => lost();
  const listen = () => {
    socket.on('data', onData).on('error', lost).on('close', onClose);
  };
  const onAbort = () => lost(Object.assign(new Error('aborted'), { code: 'aborted' }));
  const createParser = (): MessageParser => {
    const made = new MessageParser();
    made.on('error', () => end(unrecognised));
    made.on('message', (message) => {
      bytesUnread = 0;
      const question = asked.get(String(message.messageId));
      // Number 0 is a notice of disconnection; the end follows.
      if (!question) return;
      if (message instanceof SearchEntry) question.entries.push(entryOf(message));
      else if (message instanceof SearchReference) question.references.push(...message.uris);
      else {
        asked.delete(String(message.messageId));
        question.answered(message as Response);
      }
    });
    return made;
  };
  let parser = createParser();
  listen();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  const ask = (make: (messageId: number) => Message, action: string) =>
    new Promise<{ readonly response: Response } & Pick<Asked, 'entries' | 'references'>>(
      (resolve, reject) => {
        if (!isOpen) return reject(connectionError(null, action));
        lastId += 1;
        const message = make(lastId);
        const key = String(lastId);
        const timer = setTimeout(
          () => lost(Object.assign(new Error('no answer in time'), { code: 'timeout' })),
          ANSWER_WITHIN_MS,
        );
        const entries: Entry[] = [];
        const references: string[] = [];
        asked.set(key, {
          ...{ message, action, entries, references },
          answered(response) {
            clearTimeout(timer);
            resolve({ response, entries, references });
          },
          failed(error) {
            clearTimeout(timer);
            reject(error);
          },
        });
        socket.write(message.write());
      },
    );

  return {
    get isOpen() {
      return isOpen;
    },
    async bind(dn, password) {
      const action = 'sign in';
      const { response } = await ask((messageId) => new BindRequest({ messageId, dn, password }), action);
      if (response.status !== CODE.success) throw resultError(response.status, response.errorMessage, action);
    },
    async search({ base, scope, filter, attributes, page }, action) {
      const controls: Control[] = page ? [new PagedResultsControl({ critical: true, value: page })] : [];
      const request = (messageId: number) =>
        new SearchRequest({ messageId, baseDN: base, scope, filter, attributes: [...attributes], controls });
      const { response, entries, references } = await ask(request, action);
      const { status, errorMessage, matchedDN } = response;
      if (status !== CODE.success) throw resultError(status, errorMessage, action, matchedDN);
      const paged = response.controls?.find((control) => control instanceof PagedResultsControl);
      return { entries, references, cookie: paged?.value?.cookie ?? Buffer.alloc(0) };
    },
    async compare({ dn, attribute, value }, action) {
      const request = (messageId: number) => new CompareRequest({ messageId, dn, attribute, value });
      const { response } = await ask(request, action);
      const { status, errorMessage } = response;
      if (status === CODE.compareTrue) return true;
      if (status === CODE.compareFalse) return false;
      if (status === CODE.noSuchAttribute) return null;
      throw resultError(status, errorMessage, action);
    },
    async startTls(secure) {
      const action = 'encrypt the connection';
      const { response } = await ask(
        (messageId) => new ExtendedRequest({ messageId, oid: START_TLS }),
        action,
      );
      if (response.status !== CODE.success) {
        throw new RemoteError(
          'The LDAP server does not encrypt this connection (StartTLS): set TLS to ldaps, or switch StartTLS on there',
          { store: 'LDAP', action, disposition: 'unauthorized', code: `ldap_${response.status}` },
        );
      }
      // Bytes that somebody in between sent before encryption must not count as encrypted (RFC 4511 §4.14).
      parser = createParser();
      hasHeard = false;
      socket.off('data', onData).off('error', lost).off('close', onClose);
      try {
        socket = await secure(socket);
      } catch (error) {
        isOpen = false;
        throw connectionError(error, action);
      }
      listen();
    },
    close() {
      signal.removeEventListener('abort', onAbort);
      if (!isOpen) return;
      isOpen = false;
      socket.off('close', onClose);
      socket.on('error', () => undefined);
      socket.end(new UnbindRequest({ messageId: lastId + 1 }).write());
      lost();
    },
  };
}
