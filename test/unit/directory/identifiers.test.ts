/** What may be new in an identifier, and what is never asked again. */

import { acceptableGroup, acceptableUser, trimmedUser } from '../../../src/directory/identifiers.ts';
import { DirectoryRefusal } from '../../../src/directory/refusal.ts';
import type { Resource } from '../../../src/model/resource.ts';

const ann = (more: Resource = {}): Resource => ({ userName: 'ann', active: true, ...more });
const withEmail = (value: string) => ann({ emails: [{ value, type: 'work' }] });

function refusal(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(DirectoryRefusal);
    expect((error as DirectoryRefusal).reason).toBe('invalidValue');
    return (error as Error).message;
  }
}

describe('a new identifier', () => {
  it.each([
    ['zero-width space', '\u200b'],
    ['zero-width joiner', '\u200d'],
    ['byte order mark', '\ufeff'],
    ['word joiner', '\u2060'],
    ['soft hyphen', '\u00ad'],
    ['right-to-left override', '\u202e'],
    ['left-to-right mark', '\u200e'],
    ['isolate', '\u2066'],
    ['tag', '\u{e0041}'],
    ['tabulator', '\t'],
    ['line feed', '\n'],
    ['C1 control', '\u0085'],
    ['line separator', '\u2028'],
  ])('holds no %s', (_, character) => {
    for (const text of [`an${character}n`, `${character}ann`, `ann${character}`]) {
      const named = `holds the character U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
      expect(refusal(() => acceptableUser(null, trimmedUser(ann({ userName: text }))))).toContain(named);
      expect(refusal(() => acceptableUser(null, ann({ externalId: text })))).toContain(named);
      expect(
        refusal(() => acceptableUser(null, trimmedUser(withEmail(`${text}@example.com`)))),
      ).not.toBeNull();
    }
    expect(refusal(() => acceptableUser(null, ann({ displayName: `an${character}n` })))).toBeNull();
  });

  it.each([
    'ann@example.com',
    "o'brien+tag/x{y}@example.com",
    'ann@localhost',
    'jörg@münchen.example',
    '用户@例子.广告',
  ])('may be the address %s', (value) => {
    expect(refusal(() => acceptableUser(null, withEmail(value)))).toBeNull();
  });

  it.each([
    'ann',
    '@example.com',
    'ann@',
    'ann@b@example.com',
    'an n@example.com',
    'ann@exam ple.com',
    'ann\u00a0@example.com',
    '{"value":"ann@example.com"}',
    '[{"value":"ann@example.com","type":"work"}]',
    "{'value':'ann@example.com'}",
    '<ann@example.com>',
    'ann@example.com,bob@example.com',
    'ann@{example}',
  ])('may not be the address %s', (value) => {
    expect(refusal(() => acceptableUser(null, withEmail(value)))).toContain(
      'emails.value is no email address',
    );
  });

  it('loses the blanks around it', () => {
    const user = trimmedUser(ann({ userName: ' ann ', emails: [{ value: ' ann@example.com\u00a0' }, 'x'] }));
    expect(user).toMatchObject({ userName: 'ann', emails: [{ value: 'ann@example.com' }, 'x'] });
  });

  it('may be the name of a group in any script, and not one that reads as another', () => {
    for (const displayName of ['👩‍💻 Devs ❤️', 'نرم‌افزار', 'क्‍ष']) {
      expect(refusal(() => acceptableGroup(null, { displayName }))).toBeNull();
    }
    for (const displayName of ['Ad\u200bmins', 'x\u202esnimdA', 'Admins\u0007']) {
      expect(refusal(() => acceptableGroup(null, { displayName }))).toContain('displayName holds');
    }
  });
});

describe('what a user holds already', () => {
  const held = { ...withEmail('no address'), userName: 'a\u200bnn' };

  it('is never judged again, in any case and order', () => {
    const after = { ...held, title: 'CEO', emails: [{ value: 'NO ADDRESS' }, { value: 'ann@example.com' }] };
    expect(acceptableUser(held, after)).toBe(after);
    expect(refusal(() => acceptableUser(held, { ...held, userName: 'b\u200bnn' }))).not.toBeNull();
    expect(refusal(() => acceptableUser(held, withEmail('other')))).not.toBeNull();
  });

  it('stays where a leaver comes with texts that are refused: the leaver leaves', () => {
    const left = acceptableUser(held, { ...held, active: false, emails: [{ value: 'other' }], title: 'x' });
    expect(left).toEqual({ ...held, active: false });
    const inactive = { ...held, active: false };
    expect(refusal(() => acceptableUser(inactive, { ...inactive, userName: 'a\u200b' }))).not.toBeNull();
    expect(
      refusal(() => acceptableUser(inactive, { ...inactive, active: true, userName: 'a\u200b' })),
    ).not.toBeNull();
  });
});
