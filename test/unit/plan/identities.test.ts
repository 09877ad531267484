/** The table "Whose account it is" of docs/design.md, row by row, and which of somebody's accounts speaks. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Claims, identityPath, speakingAmong } from '../../../src/model/pull/identity.ts';
import { type Candidates, matchOf } from '../../../src/plan/pull/identities.ts';

const DESIGN = readFileSync(join(__dirname, '../../../docs/design.md'), 'utf8');

const CLAIMS: Claims = {
  name: 'ada',
  email: 'ada@example.com',
  isUnconfirmed: false,
  subject: null,
  isOutsider: false,
};
const NOBODY: Candidates = { linked: null, known: null, bySubject: [], byEmail: [], byAlias: [], near: [] };

const matched = (personId: string, by: string) => ({ is: 'matched', personId, by });
const unmatched = (why: string, near: readonly string[] = []) => ({ is: 'unmatched', doubt: { why, near } });

const ROWS: readonly [string, Partial<Claims>, Partial<Candidates>, object][] = [
  ['I1', { isOutsider: true }, { linked: 'ada', known: 'ben', byEmail: ['ben'] }, matched('ada', 'link')],
  ['I2', { isOutsider: true }, { known: 'ada', byEmail: ['ada'] }, { is: 'leftOut' }],
  ['I3', {}, { known: 'ada', bySubject: ['ben'], byEmail: ['ben'] }, matched('ada', 'identity')],
  ['I4', { isUnconfirmed: true }, { bySubject: ['ada'], byEmail: ['ben'] }, matched('ada', 'subject')],
  ['I5', {}, { byEmail: ['ada'], byAlias: ['ben'] }, matched('ada', 'email')],
  ['I6', {}, { byAlias: ['ada'] }, matched('ada', 'alias')],
  ['I7', {}, { byEmail: ['ada', 'ben'], byAlias: ['cy'] }, unmatched('ambiguous', ['ada', 'ben'])],
  ['I8', { isUnconfirmed: true }, { byEmail: ['ada'] }, unmatched('unconfirmed', ['ada'])],
  ['I9', {}, { near: ['ada'] }, unmatched('nobody', ['ada'])],
];

it.each(ROWS)('%s', (row, claims, candidates, match) => {
  expect(DESIGN).toContain(`| ${row} |`);
  expect(matchOf({ ...CLAIMS, ...claims }, { ...NOBODY, ...candidates })).toEqual(match);
});

it('takes one person who is found twice for one', () => {
  expect(matchOf(CLAIMS, { ...NOBODY, byEmail: ['ada', 'ada'] })).toEqual(matched('ada', 'email'));
});

it('believes two subjects no more than two addresses', () => {
  const both = { ...NOBODY, bySubject: ['ada', 'ben'], byEmail: ['ada'] };
  expect(matchOf(CLAIMS, both)).toEqual(unmatched('ambiguous', ['ada', 'ben']));
});

describe('of several accounts of one person', () => {
  const old = { vendorId: '1', state: 'active', since: '2026-01-01T00:00:00.000Z' } as const;

  it('the active one speaks, however old', () => {
    const later = { vendorId: '2', state: 'inactive', since: '2026-02-01T00:00:00.000Z' } as const;
    expect(speakingAmong([later, old])).toBe(old);
  });

  it('else the latest, whatever the order', () => {
    const later = { ...old, vendorId: '0', since: '2026-02-01T00:00:00.000Z' };
    expect(speakingAmong([old, later])).toBe(later);
    expect(speakingAmong([later, old])).toBe(later);
    const twin = { ...later, vendorId: '3' };
    expect(speakingAmong([twin, later])).toBe(twin);
    expect(speakingAmong([later, twin])).toBe(twin);
  });

  it('nobody speaks for nobody', () => expect(speakingAmong([])).toBeNull());
});

it.each([
  ['identities.slack.title', { handle: 'slack', attribute: 'title' }],
  ['Identities.SLACK-2.displayName', { handle: 'slack-2', attribute: 'displayName' }],
  ['identities.gitlab.name.given', { handle: 'gitlab', attribute: 'name.given' }],
  ['identities.it_slack.title', { handle: 'it_slack', attribute: 'title' }],
  ['identities.slack', null],
  ["identities.slack.ti'tle", null],
  ['title', null],
])('reads %s', (name, path) => expect(identityPath(name)).toEqual(path));
