/**
 * What answers in a vendor's place proves nothing about anybody: neither that somebody is gone, nor that a group does not
 * have them, nor that nobody is there. Statuses × bodies, each with the whole read answered so.
 */

import { gitLabComSource } from '../../../src/sources/gitlabCom/index.ts';
import { googleSource } from '../../../src/sources/google/index.ts';
import { oktaApiSource } from '../../../src/sources/okta/index.ts';
import type { Source } from '../../../src/sources/source.ts';
import { bodyText, CELLS, headersOf } from '../../answers.ts';
import type { Faults } from '../../emulator/faults.ts';
import { startGitLabComEmulator } from '../../emulator/gitlabCom.ts';
import { startGoogleEmulator } from '../../emulator/google.ts';
import { startOktaEmulator } from '../../emulator/okta.ts';
import { ALL, CONTEXT, collect, openReader } from './reading.ts';

interface Place {
  readonly open: () => Source;
  readonly faults: Faults;
  /** Where directories are asked, and not where tokens are given out. */
  readonly api: RegExp;
  readonly person: string;
  readonly group: string;
  close(): Promise<void>;
}

async function okta(): Promise<Place> {
  const { state, app, privateKey, url, faults, close } = await startOktaEmulator();
  const person = state.addUser({ login: 'ada@acme.example' }).id;
  const configuration = {
    ...{ ORG_URL: url, CLIENT_ID: app.clientId, KEY_ID: app.keyId, PRIVATE_KEY: privateKey },
  };
  return {
    open: () => openReader(oktaApiSource, configuration).source,
    ...{ faults, close, person, api: /^\/api\//, group: state.addGroup('Some', [person]).id },
  };
}

async function google(): Promise<Place> {
  const emulator = await startGoogleEmulator();
  const person = emulator.addUser('ada@acme.example').id;
  const group = emulator.addGroup('some@acme.example', [{ id: person, type: 'USER', status: 'ACTIVE' }]).id;
  const configuration = {
    ...{ SERVICE_ACCOUNT_KEY: emulator.serviceAccountKey, SUBJECT: 'reader@acme.example' },
    ...{ API_BASE_URL: emulator.url, TOKEN_URL: emulator.tokenUrl },
  };
  return {
    open: () => openReader(googleSource, configuration).source,
    ...{ faults: emulator.faults, close: emulator.close, person, group, api: /^\/admin\// },
  };
}

async function gitLabCom(): Promise<Place> {
  const { state, url, faults, close } = await startGitLabComEmulator();
  const person = String(state.add('ada', { email: 'ada@acme.example' }).id);
  const configuration = { BASE_URL: url, ACCESS_TOKEN: state.token, ROOT_GROUP: state.group.path };
  return {
    open: () => openReader(gitLabComSource, configuration).source,
    ...{ faults, close, person, group: '', api: /^\/api\// },
  };
}

const FOREIGN = CELLS.filter(({ status, kind }) => kind !== 'vendor' && status !== 204);

describe.each([
  ['Okta', okta],
  ['Google', google],
  ['GitLab.com', gitLabCom],
])('in the place of %s', (_, start) => {
  let place: Place;
  beforeEach(async () => {
    place = await start();
  });
  afterEach(() => place.close());

  it('no foreign answer says that anybody is gone, or in no group, or that nobody is there', async () => {
    const believed: string[] = [];
    const { faults, person, group, api } = place;
    const { isMember, lookup } = place.open();
    expect(await lookup('user', person, CONTEXT)).toMatchObject({ is: 'found' });
    if (isMember) expect(await isMember(group, person, CONTEXT)).toBe(true);
    for (const cell of FOREIGN) {
      const body = bodyText(cell.kind, { id: 1 });
      faults.clear();
      faults.inject({
        fault: { kind: 'answer', answer: { status: cell.status, headers: headersOf(cell), body } },
        matches: ({ path }) => api.test(path),
        times: Number.POSITIVE_INFINITY,
      });
      const source = place.open();
      const answers = {
        lookup: async () => (await source.lookup('user', person, CONTEXT)).is === 'unknown',
        isMember: async () => (await source.isMember?.(group, person, CONTEXT)) === null,
        scan: async () => (await collect(source.scan(ALL, CONTEXT))).position === undefined,
      };
      for (const [what, doubts] of Object.entries(answers)) {
        if (what === 'isMember' && !source.isMember) continue;
        // An outage is no answer.
        if (!(await doubts().catch(() => true))) believed.push(`${what}: ${cell.status} ${cell.kind}`);
      }
    }
    expect(believed).toEqual([]);
  });
});
