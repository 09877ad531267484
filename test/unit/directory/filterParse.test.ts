/**
 * The grammar of filters and paths (RFC 7644 §3.4.2.2, §3.5.2), and what identity providers send beyond it.
 */

import fc from 'fast-check';
import { type Filter, FilterError, PathError } from '../../../src/directory/query/ast.ts';
import {
  COMPARISONS_MAX,
  FILTER_DEPTH_MAX,
  FILTER_LENGTH_MAX,
  POPULATION_COMPARISONS_MAX,
  parseFilter,
  parsePath,
} from '../../../src/directory/query/parse.ts';

/** The structure in brackets, so that precedence can be read. */
function shape(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `{${filter.terms.map(shape).join(` ${filter.kind} `)}}`;
    case 'not':
      return `!${shape(filter.term)}`;
    case 'present':
      return `${filter.attribute} pr`;
    case 'compare': {
      const { attribute, op, literal } = filter;
      return `${attribute} ${op} ${literal.quoted ? JSON.stringify(literal.text) : literal.text}`;
    }
    case 'elements':
      return `${filter.attribute}[${shape(filter.filter)}]`;
  }
}

describe('the filter grammar (RFC 7644 §3.4.2.2)', () => {
  it.each(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'])(
    'reads the operator %s in any case',
    (op) => {
      expect(shape(parseFilter(`title ${op.toUpperCase()} "x"`))).toBe(`title ${op} "x"`);
    },
  );

  it.each([
    // The examples of the RFC's figure 2, and precedence: not, then and, then or.
    ['userName eq "bjensen"', 'userName eq "bjensen"'],
    ['name.familyName co "O\'Malley"', 'name.familyName co "O\'Malley"'],
    [
      'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
      'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
    ],
    ['title pr and userType eq "Employee"', '{title pr and userType eq "Employee"}'],
    ['title pr or userType eq "Intern"', '{title pr or userType eq "Intern"}'],
    ['a pr or b pr and c pr or d pr', '{a pr or {b pr and c pr} or d pr}'],
    ['(a pr or b pr) and c pr', '{{a pr or b pr} and c pr}'],
    ['not (a pr and b pr) or c pr', '{!{a pr and b pr} or c pr}'],
    ['NOT(a pr) AND Not ( b PR )', '{!a pr and !b pr}'],
    [
      'userType eq "E" and (emails co "example.com" or emails.value co "example.org")',
      '{userType eq "E" and {emails co "example.com" or emails.value co "example.org"}}',
    ],
    [
      'userType ne "E" and not (emails co "example.com" or emails.value co "example.org")',
      '{userType ne "E" and !{emails co "example.com" or emails.value co "example.org"}}',
    ],
    [
      'emails[type eq "work" and value co "@x"] or ims[type eq "xmpp" and not (value co "@y")]',
      '{emails[{type eq "work" and value co "@x"}] or ims[{type eq "xmpp" and !value co "@y"}]}',
    ],
    ['emails[type eq "a]b)"] and x pr', '{emails[type eq "a]b)"] and x pr}'],
    [
      'active eq true and x eq null and y gt 1.5e3',
      '{{active eq true and x eq null and y gt 1.5e3}}'.slice(1, -1),
    ],
    ['  ( ( a   pr ) )  ', 'a pr'],
  ])('%s', (text, expected) => {
    expect(shape(parseFilter(text))).toBe(expected);
  });

  it('resolves the escapes of JSON strings', () => {
    expect(parseFilter('title eq "a\\"b\\\\c\\u00e9\\n"')).toMatchObject({ literal: { text: 'a"b\\cé\n' } });
  });

  it('reads any JSON string back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        expect(parseFilter(`title eq ${JSON.stringify(text)}`)).toMatchObject({
          literal: { text, quoted: true },
        });
      }),
    );
  });

  it('Entra ID: takes a value without quotes, and a sub-attribute after a value path', () => {
    expect(shape(parseFilter('externalId eq auth0|5f7c-00'))).toBe('externalId eq auth0|5f7c-00');
    expect(shape(parseFilter('emails[type eq "work"].value eq "x"'))).toBe(
      'emails[{type eq "work" and value eq "x"}]',
    );
  });

  it.each([
    ['', /ends where the name of an attribute/],
    ['userName', /ends where one of the operators eq, ne/],
    ['userName eq', /ends where a value/],
    ['userName regex "x"', /"regex" at character 10/],
    ['userName eq "x', /begins at character 13 has no end/],
    ['userName eq "x\\q"', /not a JSON string/],
    ["userName eq 'x'", /double quotes/],
    ['userName eq "x" userType pr', /"userType" at character 17 where "and", "or" or the end/],
    ['(title pr', /ends where "\)"/],
    ['title pr)', /"\)" at character 9/],
    ['not title pr', /"title" at character 5 where "\("/],
    ['title pr and', /ends where the name/],
    ['"title" pr', /where the name of an attribute/],
    ['3d pr', /where the name of an attribute/],
    ['emails[type eq "work"', /ends where "\]"/],
    ['emails[]', /where the name of an attribute/],
    ['emails[ims[value pr]]', /inside of another/],
    ['emails[type pr].value', /ends where one of the operators/],
    ['title eq [', /where a value/],
  ])('refuses %s', (text, message) => {
    expect(() => parseFilter(text)).toThrow(FilterError);
    expect(() => parseFilter(text)).toThrow(message);
  });

  it('has limits on length, depth and comparisons, and works up to them', () => {
    const deep = (n: number) => `${'('.repeat(n)}title pr${')'.repeat(n)}`;
    const wide = (n: number) => Array.from({ length: n }, () => 'title pr').join(' or ');
    const long = (n: number) => `title eq "${'x'.repeat(n - 11)}"`;
    for (const [make, max] of [
      [deep, FILTER_DEPTH_MAX],
      [wide, COMPARISONS_MAX],
      [long, FILTER_LENGTH_MAX],
    ] as const) {
      expect(() => parseFilter(make(max))).not.toThrow();
      expect(() => parseFilter(make(max + 1))).toThrow(FilterError);
    }
    expect(() => parseFilter(deep(4000))).toThrow(FilterError);
    const inside = (n: number) => `emails[${Array(n).fill('value co "x"').join(' and ')}]`;
    expect(() => parseFilter(inside(COMPARISONS_MAX))).not.toThrow();
    expect(() => parseFilter(inside(COMPARISONS_MAX + 1))).toThrow('32 comparisons');
    expect(() => parseFilter(wide(POPULATION_COMPARISONS_MAX), POPULATION_COMPARISONS_MAX)).not.toThrow();
  });

  it('answers any text with a filter or a FilterError', () => {
    const word = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      'not',
      'and',
      'or',
      'pr',
      'eq',
      'a.b',
      '"',
      '"x"',
      '\\',
      '.v',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(' ')),
        ),
        (text) => {
          try {
            parseFilter(text);
          } catch (error) {
            expect(error).toBeInstanceOf(FilterError);
          }
        },
      ),
    );
  });
});

describe('the path grammar (RFC 7644 §3.5.2)', () => {
  const work = { kind: 'compare', attribute: 'type', op: 'eq', literal: { text: 'work', quoted: true } };
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

  it.each([
    ['members', { attribute: 'members', filter: null, sub: null }],
    ['name.familyName', { attribute: 'name.familyName', filter: null, sub: null }],
    ['addresses[type eq "work"]', { attribute: 'addresses', filter: work, sub: null }],
    [
      'Addresses[TYPE EQ "work"].Locality',
      { attribute: 'Addresses', filter: { attribute: 'TYPE' }, sub: 'Locality' },
    ],
    [
      'emails[value eq "a].b"].type',
      { attribute: 'emails', filter: { literal: { text: 'a].b' } }, sub: 'type' },
    ],
    [`${enterprise}:manager.value`, { attribute: `${enterprise}:manager.value`, filter: null, sub: null }],
    [
      'urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "work"].value',
      { attribute: 'urn:ietf:params:scim:schemas:core:2.0:User:emails', filter: work, sub: 'value' },
    ],
  ])('%s', (text, expected) => {
    expect(parsePath(text)).toMatchObject(expected);
  });

  it.each([
    '',
    ' ',
    '.a',
    'a..b',
    'a b',
    'emails[type pr',
    'emails[type pr]x',
    '[type pr]',
    'emails]x[',
    '"a"',
  ])('refuses the path %j', (text) => {
    expect(() => parsePath(text)).toThrow(PathError);
  });

  it('says invalidFilter for what is between the brackets', () => {
    expect(() => parsePath('emails[type foo "x"]')).toThrow(FilterError);
    expect(() => parsePath('emails[]')).toThrow(FilterError);
    expect(() => parsePath('emails[ims[type pr]]')).toThrow(FilterError);
  });
});
