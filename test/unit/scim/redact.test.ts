/** What the audit log keeps of a request body: no password, and never too much. */

import { redactBody } from '../../../src/scim/request/redact.ts';

describe('redactBody', () => {
  it('§7.5.2 hides passwords wherever a body can hold one', () => {
    const kept = redactBody({
      userName: 'ann',
      Password: 's3cret',
      'urn:ietf:params:scim:schemas:core:2.0:User:password': 's3cret',
      Operations: [
        { op: 'replace', path: 'password', Value: 's3cret' },
        { op: 'replace', path: 'urn:ietf:params:scim:schemas:core:2.0:User:password', value: 's3cret' },
        { op: 'replace', value: { password: ['s3cret'] } },
        { op: 'replace', PATH: 'PASSWORD', value: 's3cret' },
      ],
    });
    expect(JSON.stringify(kept)).not.toContain('s3cret');
    expect(kept).toMatchObject({ userName: 'ann', Password: '[redacted]' });
  });

  it('says where it left something out, and stays small whatever was sent', () => {
    const members = Array.from({ length: 100_000 }, (_, n) => ({ value: `user-${n}` }));
    expect(redactBody({ displayName: 'x'.repeat(1000), members })).toEqual({
      displayName: `${'x'.repeat(500)}…`,
      members: [...members.slice(0, 20), '[99980 more]'],
    });
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, 'x'.repeat(500)]));
    expect(redactBody(wide)).toMatch(/^\[\d+ characters left out\]$/);
    let deep: unknown = 'bottom';
    for (let depth = 0; depth < 50; depth++) deep = [deep];
    expect(JSON.stringify(redactBody(deep))).toContain('[nested deeper]');
  });

  it('keeps what is no object as it is', () => {
    expect(redactBody(undefined)).toBeUndefined();
    expect(redactBody(null)).toBeNull();
    expect(redactBody('\ud83d\ude00'.repeat(400))).toHaveProperty('length', 501);
  });
});
