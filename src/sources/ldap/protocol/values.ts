/** Reads values in the forms of LDAP servers: ids of sixteen bytes, security ids, and two kinds of time. Pure. */

/** Active Directory's `objectGUID` as text: the first three fields are written backwards (MS-DTYP 2.3.4). */
export function guidText(bytes: Buffer): string | null {
  if (bytes.length !== 16) return null;
  const hex = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
    .map((at) => (bytes[at] ?? 0).toString(16).padStart(2, '0'))
    .join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Null for text in another form. */
export function guidBytes(text: string): Buffer | null {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return null;
  const plain = Buffer.from(text.replaceAll('-', ''), 'hex');
  return Buffer.from([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((at) => plain[at] ?? 0));
}

/** The last part of a security id, by which people name their primary group; null for other bytes. */
export function ridOf(sid: Buffer): number | null {
  const parts = sid[1] ?? 0;
  return parts > 0 && sid.length === 8 + 4 * parts ? sid.readUInt32LE(sid.length - 4) : null;
}

const FILETIME_NEVER = new Set(['0', '9223372036854775807']);
const FILETIME_TO_1970 = 11_644_473_600_000n;

/**
 * From hundreds of nanoseconds since 1601 to milliseconds since 1970; null for "never", and for text that is no
 * number.
 */
export function fileTimeMs(text: string): number | null {
  if (!/^\d+$/.test(text) || FILETIME_NEVER.has(text)) return null;
  const ms = BigInt(text) / 10_000n - FILETIME_TO_1970;
  const LAST = 8_640_000_000_000_000n;
  return ms > LAST ? null : Number(ms);
}

/**
 * GeneralizedTime (RFC 4517 §3.3.13), with or without minutes, seconds and fraction, as ISO; undefined for other
 * text.
 */
export function generalizedTime(text: string): string | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(?:[.,](\d+))?(Z|[+-]\d{2}(?:\d{2})?)$/.exec(
    text,
  );
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const offset = zone === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3) || '00'}`;
  // A fraction is one of the smallest unit that is given.
  const unitMs = second !== undefined ? 1_000 : minute !== undefined ? 60_000 : 3_600_000;
  const whole = Date.parse(`${year}-${month}-${day}T${hour}:${minute ?? '00'}:${second ?? '00'}${offset}`);
  if (Number.isNaN(whole)) return undefined;
  return new Date(whole + (fraction === '' ? 0 : Number(`0.${fraction}`) * unitMs)).toISOString();
}

/** For comparing with `modifyTimestamp`: whole seconds, in UTC. */
export function toGeneralizedTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
}
