/** Sealed secrets, rotation of keys, and the canary that knows the key again. */

import { checkCanary, resealCanary } from '../../../src/db/access/canary.ts';
import { generateKey, parseKeyring } from '../../../src/support/secret.ts';
import { onEachDatabase } from '../../database.ts';

const PLACE = ['store', 's1', 'ACCESS_TOKEN', 'https://gitlab.example'];

describe('the key ring', () => {
  it('opens what it sealed, and seals the same secret differently each time', () => {
    const ring = parseKeyring(generateKey());
    const first = ring.seal('gläß-pat-1', PLACE);
    const second = ring.seal('gläß-pat-1', PLACE);
    expect(first.sealed).not.toBe(second.sealed);
    expect(ring.open(first, PLACE)).toBe('gläß-pat-1');
    expect(Buffer.from(first.sealed, 'base64').toString('latin1')).not.toContain('pat-1');
  });

  it.each([
    ['another store', ['store', 's2', 'ACCESS_TOKEN', 'https://gitlab.example']],
    ['another key', ['store', 's1', 'OTHER_TOKEN', 'https://gitlab.example']],
    ['another host', ['store', 's1', 'ACCESS_TOKEN', 'https://evil.example']],
    ['parts joined otherwise', ['store', 's1ACCESS_TOKEN', '', 'https://gitlab.example']],
  ])('does not open a secret for %s', (_what, place) => {
    const ring = parseKeyring(generateKey());
    const sealed = ring.seal('secret', PLACE);
    expect(() => ring.open(sealed, place)).toThrow(/altered, or sealed for another place/);
  });

  it('notices each altered byte', () => {
    const ring = parseKeyring(generateKey());
    const { keyId, sealed } = ring.seal('secret', PLACE);
    const bytes = Buffer.from(sealed, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] as number) ^ 1;
      expect(() => ring.open({ keyId, sealed: altered.toString('base64') }, PLACE)).toThrow(/altered/);
    }
  });

  it('seals with the first key, and opens with all', () => {
    const [old, fresh] = [generateKey(), generateKey()];
    const sealed = parseKeyring(old).seal('secret', PLACE);
    const both = parseKeyring(`${fresh}, ${old}`);
    expect(both.open(sealed, PLACE)).toBe('secret');
    expect(both.seal('secret', PLACE).keyId).toBe(parseKeyring(fresh).sealingKeyId);
    expect(() => parseKeyring(fresh).open(sealed, PLACE)).toThrow(
      `A secret is sealed with key ${sealed.keyId}, which ENCRYPTION_KEY does not list`,
    );
  });

  it.each([
    ['', /key 1 is not 32 bytes in base64/],
    ['c2hvcnQ=', /key 1 is not 32 bytes in base64; make one with: openssl rand -base64 32/],
    [`${generateKey()},`, /key 2 is not 32 bytes/],
    ['not base64 at all, but long enough to be 32 bytes or so!', /key 1 is not 32 bytes/],
    [Array.from({ length: 17 }, generateKey).join(','), /more than 16 keys/],
  ])('refuses %j', (text, sentence) => {
    expect(() => parseKeyring(text)).toThrow(sentence);
  });

  it('says nothing of a key in its errors', () => {
    const short = Buffer.from('0123456789abcdef').toString('base64');
    expect(() => parseKeyring(short)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(short) }),
    );
  });
});

onEachDatabase((open) => {
  it('knows at the next start whether the key is the one it was used with', async () => {
    const db = await open();
    const [old, fresh] = [generateKey(), generateKey()];
    await checkCanary(db, parseKeyring(old));
    await checkCanary(db, parseKeyring(old));
    await expect(checkCanary(db, parseKeyring(fresh))).rejects.toThrow(
      /ENCRYPTION_KEY does not fit this database/,
    );

    const rotating = parseKeyring(`${fresh},${old}`);
    await checkCanary(db, rotating);
    await resealCanary(db, rotating);
    await checkCanary(db, parseKeyring(fresh));
    await expect(checkCanary(db, parseKeyring(old))).rejects.toThrow(/ENCRYPTION_KEY does not fit/);
  });
});
