/** LDAP messages as a server writes them (RFC 4511), with the BER classes of ldapts, which writes requests alone. */

import { BerWriter, PagedResultsControl, ProtocolOperation } from 'ldapts';

export type Value = string | Buffer;

export interface WireEntry {
  readonly dn: string;
  readonly attributes: readonly (readonly [name: string, values: readonly Value[]])[];
}

function message(
  messageId: number,
  operation: number,
  write: (writer: BerWriter) => void,
  cookie?: Buffer,
): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(messageId);
  writer.startSequence(operation);
  write(writer);
  writer.endSequence();
  if (cookie) {
    writer.startSequence(ProtocolOperation.LDAP_CONTROLS);
    new PagedResultsControl({ value: { size: 0, cookie } }).write(writer);
    writer.endSequence();
  }
  writer.endSequence();
  return writer.buffer;
}

export function resultMessage(
  messageId: number,
  operation: 'BIND' | 'SEARCH' | 'COMPARE' | 'EXTENSION',
  code: number,
  words = '',
  cookie?: Buffer,
): Buffer {
  const write = (writer: BerWriter) => {
    writer.writeEnumeration(code);
    writer.writeString('');
    writer.writeString(words);
  };
  return message(messageId, ProtocolOperation[`LDAP_RES_${operation}`], write, cookie);
}

export function entryMessage(messageId: number, { dn, attributes }: WireEntry): Buffer {
  return message(messageId, ProtocolOperation.LDAP_RES_SEARCH_ENTRY, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of attributes) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(ProtocolOperation.LBER_SET);
      for (const value of values) writer.writeBuffer(Buffer.from(value), 0x04);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}

export function referenceMessage(messageId: number, url: string): Buffer {
  return message(messageId, ProtocolOperation.LDAP_RES_SEARCH_REF, (writer) => writer.writeString(url));
}
