/**
 * A stand-in for an LDAP server, made for what a real slapd cannot show: Active Directory's shapes, and faults. It
 * speaks LDAP on a loopback port with the BER classes of ldapts, signs people in, and answers searches and
 * comparisons.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import {
  BerReader,
  BindRequest,
  CompareRequest,
  ExtendedRequest,
  PagedResultsControl,
  ProtocolOperation,
  SearchRequest,
} from 'ldapts';
import { passes, type Values } from './ldap/filter.ts';
import { entryMessage, referenceMessage, resultMessage, type Value, type WireEntry } from './ldap/wire.ts';

export type Attributes = Readonly<Record<string, Value | readonly Value[]>>;

export interface StoredEntry {
  dn: string;
  /** By the name as the server writes it. */
  attributes: Map<string, readonly Value[]>;
}

export interface LdapFaults {
  /** Values of one attribute in one answer; Active Directory shows 1500. */
  rangeMax: number;
  /** A page as large as asked for is refused beyond this. */
  pageMax: number;
  /** In all pages of a search together; then code 4. */
  totalMax: number;
  /** Pages, counted from 1, that come without entries and with a cookie. */
  emptyPages: readonly number[];
  /** The connection ends when so many searches were answered on it. */
  dropAfterSearches: number;
  /** So many searches, from now on, are answered by the end of their connection. */
  dropNext: number;
  /** Sent with each answer to a search below a base. */
  references: readonly string[];
  /** What whoever has not signed in is told: nothing, with success, or code 1. */
  anonymous: 'nothing' | 'refused';
  /** The reader sees nothing any more, and is told so by no error. */
  isBlind: boolean;
  /** Of entries that pass this, the reader sees nothing. */
  hides: (dn: string) => boolean;
  /** Attributes that the reader may not read, in lower case. */
  hiddenAttributes: ReadonlySet<string>;
  /** Answers of another protocol. */
  speaksHttp: boolean;
}

export interface LdapOptions {
  readonly suffix: string;
  readonly bindDn: string;
  readonly password: string;
  readonly port?: number;
  /** PEM; without one nothing is encrypted. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** TLS from the first byte. */
  readonly isSecure?: boolean;
  /** Attributes of the root entry. */
  readonly root?: Attributes;
}

export interface LdapEmulator {
  readonly port: number;
  readonly entries: Map<string, StoredEntry>;
  readonly faults: LdapFaults;
  /** What was asked, in order: `bind …`, `search …`, `startTls`. */
  readonly log: string[];
  root: Attributes;
  /** Called with each write, and gives what changes with it: a counter, a stamp. */
  stamp: (isNew: boolean) => Attributes;
  /** Attributes that no write sets, by their name in lower case: of this entry, when it is shown. */
  readonly computed: Map<string, (dn: string) => readonly Value[]>;
  put(dn: string, attributes: Attributes): void;
  /** Replaces these attributes; an empty list takes one away. */
  change(dn: string, attributes: Attributes): void;
  move(dn: string, to: string): void;
  remove(dn: string): void;
  close(): Promise<void>;
}

const START_TLS = '1.3.6.1.4.1.1466.20037';
const WORDS_OF_49 = '80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v4563';

interface Connection {
  isBound: boolean;
  searches: number;
}

export async function startLdapEmulator(options: LdapOptions): Promise<LdapEmulator> {
  const entries = new Map<string, StoredEntry>();
  const faults: LdapFaults = {
    ...{ rangeMax: 1500, pageMax: 1000, totalMax: Number.POSITIVE_INFINITY, emptyPages: [], references: [] },
    ...{
      dropAfterSearches: Number.POSITIVE_INFINITY,
      anonymous: 'refused',
      dropNext: 0,
      isBlind: false,
      speaksHttp: false,
    },
    ...{ hides: () => false, hiddenAttributes: new Set<string>() },
  };
  const log: string[] = [];
  const sockets = new Set<Socket>();
  const emulator: Omit<LdapEmulator, 'port' | 'close'> = {
    ...{ entries, faults, log, root: options.root ?? {}, stamp: () => ({}), computed: new Map() },
    put(dn, attributes) {
      const stored = { dn, attributes: new Map<string, readonly Value[]>() };
      entries.set(keyOf(dn), stored);
      assign(stored, { ...attributes, ...emulator.stamp(true) });
    },
    change(dn, attributes) {
      assign(stored(entries, dn), { ...attributes, ...emulator.stamp(false) });
    },
    move(dn, to) {
      const entry = stored(entries, dn);
      entries.delete(keyOf(dn));
      entry.dn = to;
      entries.set(keyOf(to), entry);
      assign(entry, emulator.stamp(false));
      // A server keeps the names in groups.
      for (const group of entries.values()) {
        const members = group.attributes.get('member');
        if (members?.includes(dn))
          group.attributes.set(
            'member',
            members.map((one) => (one === dn ? to : one)),
          );
      }
    },
    remove(dn) {
      const gone = stored(entries, dn).dn;
      entries.delete(keyOf(dn));
      // As do Active Directory and whoever keeps references whole.
      for (const { attributes } of entries.values()) {
        const members = attributes.get('member');
        if (members?.includes(gone))
          attributes.set(
            'member',
            members.filter((one) => one !== gone),
          );
      }
    },
  };

  const answerSearch = (request: SearchRequest, connection: Connection): readonly Buffer[] => {
    const { messageId: id, baseDN, scope } = request;
    const done = (code: number, words = '', cookie?: Buffer) =>
      resultMessage(id, 'SEARCH', code, words, cookie);
    log.push(`search ${scope} ${baseDN} ${request.filter.toString()}`);
    connection.searches += 1;
    const shown = (entry: WireEntry) => entryMessage(id, selected(entry, request.attributes, faults));
    if (baseDN === '') {
      return [shown({ dn: '', attributes: listOf(emulator.root) }), done(0)];
    }
    if (!connection.isBound) {
      return [
        faults.anonymous === 'refused'
          ? done(
              1,
              '000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0',
            )
          : done(0),
      ];
    }
    const base = keyOf(baseDN);
    if (!entries.has(base) || faults.hides(stored(entries, baseDN).dn)) return [done(32)];
    const within = scope === 'base' ? [stored(entries, baseDN)] : [...entries.values()];
    const all = faults.isBlind ? [] : within;
    const found = all.filter(({ dn, attributes }) => {
      const key = keyOf(dn);
      const inScope = scope === 'base' ? key === base : key === base || key.endsWith(`,${base}`);
      const values = valuesOf(attributes);
      const all = (name: string) => emulator.computed.get(name)?.(dn) ?? values(name);
      return inScope && !faults.hides(dn) && passes(request.filter, all);
    });
    const wire = (from: number, to: number) =>
      found.slice(from, to).map(({ dn, attributes }) => {
        const more = request.attributes.flatMap((name): WireEntry['attributes'] => {
          const values = emulator.computed.get(name.toLowerCase())?.(dn) ?? [];
          return values.length === 0 ? [] : [[name, values]];
        });
        return shown({ dn, attributes: [...attributes, ...more] });
      });
    const references = scope === 'base' ? [] : faults.references.map((url) => referenceMessage(id, url));
    const control = request.controls?.find((one) => one instanceof PagedResultsControl)?.value;
    if (!control) return [...wire(0, found.length), ...references, done(0)];
    if (control.size > faults.pageMax) return [done(11, 'illegal pagedResults page size')];
    const [from = 0, page = 1] = (control.cookie?.toString() || '0:1').split(':').map(Number);
    const isEmpty = faults.emptyPages.includes(page);
    const to = isEmpty ? from : from + control.size;
    if (to > faults.totalMax) return [...wire(from, faults.totalMax), done(4)];
    const cookie = to < found.length || isEmpty ? Buffer.from(`${to}:${page + 1}`) : Buffer.alloc(0);
    return [...wire(from, to), ...references, done(0, '', cookie)];
  };

  /** Active Directory says of an attribute that may not be read that there is none. */
  const answerCompare = ({ dn, attribute, value }: CompareRequest): number => {
    const entry = faults.isBlind || faults.hides(dn) ? undefined : entries.get(keyOf(dn));
    if (!entry) return 32;
    const isHidden = faults.hiddenAttributes.has(attribute.toLowerCase());
    const values = isHidden ? [] : valuesOf(entry.attributes)(attribute.toLowerCase());
    if (values.length === 0) return 16;
    return values.some((one) => keyOf(String(one)) === keyOf(value)) ? 6 : 5;
  };

  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    const connection: Connection = { isBound: false, searches: 0 };
    let left = Buffer.alloc(0);
    const onData = (data: Buffer) => {
      if (faults.speaksHttp) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      left = Buffer.concat([left, data]);
      for (let size = messageSize(left); size !== null && size <= left.length; size = messageSize(left)) {
        const bytes = left.subarray(0, size);
        left = left.subarray(size);
        onMessage(bytes);
      }
    };
    const onMessage = (bytes: Buffer) => {
      const reader = new BerReader(bytes);
      reader.readSequence();
      const messageId = reader.readInt() ?? 0;
      const operation = reader.readSequence();
      if (operation === ProtocolOperation.LDAP_REQ_UNBIND) return void socket.end();
      if (operation === ProtocolOperation.LDAP_REQ_BIND) {
        const request = new BindRequest({ messageId });
        request.parse(reader, []);
        log.push(`bind ${request.dn}`);
        connection.isBound = request.dn === options.bindDn && request.password === options.password;
        socket.write(
          resultMessage(
            messageId,
            'BIND',
            connection.isBound ? 0 : 49,
            connection.isBound ? '' : WORDS_OF_49,
          ),
        );
      } else if (operation === ProtocolOperation.LDAP_REQ_SEARCH) {
        const request = new SearchRequest({ messageId, filter: undefined as never });
        request.parse(reader, []);
        if (connection.searches >= faults.dropAfterSearches) return void socket.destroy();
        if (faults.dropNext > 0) {
          faults.dropNext -= 1;
          return void socket.destroy();
        }
        for (const part of answerSearch(request, connection)) socket.write(part);
      } else if (operation === ProtocolOperation.LDAP_REQ_COMPARE) {
        const request = new CompareRequest({ messageId });
        request.parse(reader, []);
        log.push(`compare ${request.attribute} ${request.dn}`);
        const code = connection.isBound ? answerCompare(request) : 50;
        socket.write(resultMessage(messageId, 'COMPARE', code));
      } else if (operation === ProtocolOperation.LDAP_REQ_EXTENSION) {
        const request = new ExtendedRequest({ messageId });
        request.parse(reader, []);
        const { certificate } = options;
        if (request.oid !== START_TLS || !certificate) {
          return void socket.write(
            resultMessage(messageId, 'EXTENSION', 2, 'unsupported extended operation'),
          );
        }
        log.push('startTls');
        socket.off('data', onData);
        socket.write(resultMessage(messageId, 'EXTENSION', 0));
        serve(new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(certificate) }));
      }
    };
    socket.on('data', onData);
  };

  const server: Server = createServer((socket) => {
    const { certificate, isSecure } = options;
    if (!isSecure || !certificate) return serve(socket);
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(certificate) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', () => resolve());
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return Object.assign(emulator, {
    port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  });
}

/** Of a message whose length is there; null where more has to come. */
function messageSize(bytes: Buffer): number | null {
  const first = bytes[1];
  if (first === undefined) return null;
  if (first < 0x80) return 2 + first;
  const count = first - 0x80;
  return bytes.length < 2 + count ? null : 2 + count + bytes.readUIntBE(2, count);
}

function keyOf(dn: string): string {
  return dn.toLowerCase().replace(/\s*,\s*/g, ',');
}

function stored(entries: ReadonlyMap<string, StoredEntry>, dn: string): StoredEntry {
  const entry = entries.get(keyOf(dn));
  if (!entry) throw new Error(`there is no entry ${dn}`);
  return entry;
}

function assign({ attributes }: StoredEntry, given: Attributes): void {
  for (const [name, values] of listOf(given)) {
    if (values.length === 0) attributes.delete(name);
    else attributes.set(name, values);
  }
}

function listOf(attributes: Attributes): readonly (readonly [string, readonly Value[]])[] {
  return Object.entries(attributes).map(([name, value]) => [
    name,
    Array.isArray(value) ? (value as readonly Value[]) : [value as Value],
  ]);
}

function valuesOf(attributes: ReadonlyMap<string, readonly Value[]>): Values {
  return (name) => {
    for (const [own, values] of attributes) if (own.toLowerCase() === name) return values;
    return [];
  };
}

/** The attributes that were asked for; a long one in a range, as Active Directory does: empty, and again with its range. */
function selected({ dn, attributes }: WireEntry, asked: readonly string[], faults: LdapFaults): WireEntry {
  const { rangeMax, hiddenAttributes } = faults;
  const shown = attributes.flatMap(([name, values]): WireEntry['attributes'] => {
    const key = name.toLowerCase();
    if (hiddenAttributes.has(key)) return [];
    const ranged = asked.find((one) => one.startsWith(`${key};range=`));
    if (ranged) {
      const from = Number(/range=(\d+)/.exec(ranged)?.[1]);
      if (from >= values.length) return [];
      const part = values.slice(from, from + rangeMax);
      const end = from + part.length >= values.length ? '*' : String(from + part.length - 1);
      return [[`${name};range=${from}-${end}`, part]];
    }
    if (!asked.includes(key) && !asked.includes('*') && asked.length > 0) return [];
    if (values.length <= rangeMax) return [[name, values]];
    return [
      [name, []],
      [`${name};range=0-${rangeMax - 1}`, values.slice(0, rangeMax)],
    ];
  });
  return { dn, attributes: shown };
}
