/** User names and paths that GitLab takes, the same ones each time. */

import fc from 'fast-check';
import {
  groupName,
  groupPath,
  legalUsername,
  USERNAME_CANDIDATES_MAX,
  usernameCandidates,
  usernameFrom,
} from '../../../src/connectors/gitlab/names.ts';

/** GitLab's own rule, as its API states it. */
const isLegal = (name: string) =>
  /^[a-zA-Z0-9_.][a-zA-Z0-9_.-]{0,254}$/.test(name) && !/\.(git|atom|json|png)?$/.test(name);

describe('usernames', () => {
  it.each([
    ['jane', 'jane'],
    ['Jane.Doe', 'Jane.Doe'],
    ['jane@example.com', 'jane'],
    ['jane doe', 'jane-doe'],
    ['-jane-', 'jane'],
    ['Jürgen Groß', 'Jurgen-Gross'],
    ['jane.git', 'jane-git'],
    ['report.JSON', 'report-JSON'],
    ['jane.', 'jane'],
  ])('makes of %s the username %s', (userName, username) => {
    expect(usernameFrom(userName)).toBe(username);
  });

  it('makes any text legal, and leaves what is legal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (text) => {
        for (const username of [legalUsername(text), usernameFrom(text)]) {
          expect([username, isLegal(username)]).toEqual([username, true]);
          expect(legalUsername(username)).toBe(username);
        }
      }),
    );
  });

  it('keeps people apart whose userNames differ only after the @, or hold no letter it knows', () => {
    expect(legalUsername('jane@a.example')).not.toBe(legalUsername('jane@b.example'));
    expect(usernameFrom('李雷')).not.toBe(usernameFrom('韩梅梅'));
  });

  it('counts up from the wanted name, the same way each time, and never to a reserved one', () => {
    expect(usernameCandidates('jane').slice(0, 3)).toEqual(['jane', 'jane1', 'jane2']);
    expect(usernameCandidates('Admin').slice(0, 2)).toEqual(['Admin1', 'Admin2']);
    expect(usernameCandidates('jane')).toHaveLength(USERNAME_CANDIDATES_MAX);
    for (const candidate of usernameCandidates('j'.repeat(255))) expect(candidate).toHaveLength(255);
  });
});

describe('groups', () => {
  it.each([
    ['Engineering', 'engineering'],
    ['Data & AI (EMEA)', 'data-ai-emea'],
    ['_internal__tools_', 'internal-tools'],
    ['site.git', 'site-git'],
    ['R--D', 'r-d'],
  ])('makes of %s the path %s', (name, path) => {
    expect(groupPath(name)).toBe(path);
  });

  it('gives paths that newer instances take, stable under repetition', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (name) => {
        const path = groupPath(name);
        expect(path).toMatch(/^[a-z0-9]([a-z0-9]|[_.-](?=[a-z0-9]))*$/);
        expect(groupPath(path)).toBe(path);
      }),
    );
  });

  it.each([
    ['Data & AI (EMEA)', 'Data AI (EMEA)'],
    ['  (beta) testers', 'beta) testers'],
    ['Zürich', 'Zürich'],
    ['!!!', groupPath('!!!')],
  ])('makes of %s the name %s', (name, legal) => {
    expect(groupName(name)).toBe(legal);
  });
});
