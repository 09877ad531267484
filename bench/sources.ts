/**
 * What each kind of source costs, with its emulator: a first run, a delta or its substitute, and a full run without
 * changes.
 */

import { Attribute, Change, Client } from 'ldapts';
import type { RunningBridge } from '../test/bridge.ts';
import { Pulled } from '../test/conformance/sources/pulled.ts';
import { connectionTo, startActiveDirectory } from '../test/emulator/activeDirectory.ts';
import { startGoogleEmulator } from '../test/emulator/google.ts';
import { startOktaEmulator } from '../test/emulator/okta.ts';
import { SLACK_TOKEN } from '../test/emulator/slack.ts';
import { hasSlapd, SLAPD_READER, SLAPD_SUFFIX, startSlapd } from '../test/emulator/slapd.ts';
import { CERTIFICATE, KEY } from '../test/unit/outbound/certificate.ts';
import { onStage, type Sizes, type Stage } from './bench.ts';
import { ms, type Row, timed } from './figures.ts';
import { fill } from './fill.ts';

const GROUP_MEMBERS = 20;
/** This many people get another title before the delta. */
const CHANGED = 20;
const WITHIN_MS = 10 * 60_000;
const UNLIMITED = 1_000_000_000;

interface Directory {
  readonly connection: object;
  /** Further parameters of the delta. */
  readonly day?: number;
  change(n: number): unknown;
  close(): Promise<unknown>;
}

type Open = (people: number, stage: Stage) => Promise<Directory>;

const nameOf = (n: number) => `p${n}`;
const addressOf = (n: number) => `${nameOf(n)}@acme.example`;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
/** A tenth as many groups as people. */
const groupsOf = (people: number) =>
  numbers(people / 10).map((n) => ({
    name: `Group ${n}`,
    members: numbers(GROUP_MEMBERS).map((k) => (n * 10 + k) % people),
  }));

const okta: Open = async (people) => {
  const limits = { users: UNLIMITED, user: UNLIMITED, groups: UNLIMITED, group: UNLIMITED, other: UNLIMITED };
  // A delta begins ten minutes before the last change that was seen.
  let agoMs = 60 * 60_000;
  const emulated = await startOktaEmulator({ limits, now: () => Date.now() - agoMs });
  const { state, url } = emulated;
  const ids = numbers(people).map((n) => state.addUser({ login: addressOf(n) }).id);
  for (const { name, members } of groupsOf(people))
    state.addGroup(
      name,
      members.map((n) => ids[n] ?? ''),
    );
  agoMs = 0;
  state.setProfile(ids[0] ?? '', { title: 'Founder' });
  return {
    connection: { strategy: 'oktaApi', configuration: { ORG_URL: url, API_TOKEN: emulated.apiToken } },
    change: (n) => state.setProfile(ids[n] ?? '', { title: 'Manager' }),
    close: () => emulated.close(),
  };
};

const google: Open = async (people) => {
  const emulated = await startGoogleEmulator();
  const ids = numbers(people).map((n) => emulated.addUser(addressOf(n)).id);
  const memberOf = (n: number) => ({ id: ids[n] ?? '', type: 'USER' as const, status: 'ACTIVE' });
  for (const [n, { members }] of groupsOf(people).entries())
    emulated.addGroup(`group${n}@acme.example`, members.map(memberOf));
  return {
    connection: {
      strategy: 'google',
      configuration: {
        ...{ SERVICE_ACCOUNT_KEY: emulated.serviceAccountKey, SUBJECT: 'reader@acme.example' },
        ...{ API_BASE_URL: emulated.url, TOKEN_URL: emulated.tokenUrl },
      },
    },
    change(n) {
      const user = emulated.users.get(ids[n] ?? '');
      if (user)
        emulated.users.set(user.id, { ...user, organizations: [{ title: 'Manager', primary: true }] });
    },
    close: () => emulated.close(),
  };
};

const activeDirectory: Open = async (people) => {
  const ad = await startActiveDirectory();
  const dns = numbers(people).map((n) => ad.addPerson(nameOf(n), { mail: addressOf(n) }));
  for (const { name, members } of groupsOf(people))
    ad.addGroup(
      name,
      members.map((n) => dns[n] ?? ''),
    );
  return {
    connection: connectionTo(ad),
    change: (n) => ad.change(dns[n] ?? '', { title: 'Manager' }),
    close: () => ad.close(),
  };
};

const openLdap: Open = async (people) => {
  const [peopleBase, groupBase] = [`ou=people,${SLAPD_SUFFIX}`, `ou=groups,${SLAPD_SUFFIX}`];
  const dnOf = (n: number) => `uid=${nameOf(n)},${peopleBase}`;
  const unit = (name: string) =>
    `dn: ou=${name},${SLAPD_SUFFIX}\nobjectClass: organizationalUnit\nou: ${name}`;
  const person = (n: number) => {
    const name = nameOf(n);
    return `dn: ${dnOf(n)}\nobjectClass: inetOrgPerson\nuid: ${name}\ncn: ${name}\nsn: ${name}\nmail: ${addressOf(n)}`;
  };
  const group = ({ name, members }: ReturnType<typeof groupsOf>[number]) =>
    [
      `dn: cn=${name},${groupBase}\nobjectClass: groupOfNames\ncn: ${name}`,
      ...members.map((n) => `member: ${dnOf(n)}`),
    ].join('\n');
  const entries = [
    unit('people'),
    unit('groups'),
    ...numbers(people).map(person),
    ...groupsOf(people).map(group),
  ];
  const slapd = await startSlapd({
    lines: ['limits users size.soft=unlimited size.hard=unlimited size.prtotal=unlimited'],
    ldif: entries.join('\n\n'),
    certificate: { cert: CERTIFICATE, key: KEY },
  });
  const url = `ldap://127.0.0.1:${slapd.port}`;
  return {
    connection: {
      strategy: 'ldap',
      configuration: {
        ...{ URL: url, TLS: 'none', USER_BASE: peopleBase, GROUP_BASE: groupBase },
        ...{ BIND_DN: SLAPD_READER.dn, BIND_PASSWORD: SLAPD_READER.password },
      },
    },
    async change(n) {
      const client = new Client({ url });
      await client.bind(slapd.root.dn, slapd.root.password);
      const modification = new Attribute({ type: 'title', values: ['Manager'] });
      await client.modify(dnOf(n), new Change({ operation: 'replace', modification }));
      await client.unbind();
    },
    close: () => slapd.close(),
  };
};

const demo: Open = async () => ({
  connection: { strategy: 'demo', configuration: {} },
  ...{ day: 5, change: () => undefined, close: async () => undefined },
});

const slackAccounts: Open = async (people, { bridge, slack }) => {
  await fill({ db: bridge.db, count: people, prefix: 'p' });
  const users = numbers(people).map((n) =>
    slack.addUser({ userName: nameOf(n), email: addressOf(n), title: 'Engineer' }),
  );
  return {
    connection: {
      strategy: 'slack',
      configuration: {
        OAUTH_ACCESS_TOKEN: SLACK_TOKEN,
        API_BASE_URL: slack.apiUrl,
        SCIM_BASE_URL: slack.scimUrl,
      },
    },
    change: (n) => Object.assign(users[n]?.profile ?? {}, { title: 'Manager' }),
    close: async () => undefined,
  };
};

const gitlabAccounts: Open = async (people, { bridge, gitlab }) => {
  await fill({ db: bridge.db, count: people, prefix: 'p' });
  const users = numbers(people).map((n) =>
    gitlab.state.addUser({ username: nameOf(n), email: addressOf(n), confirmed: true }),
  );
  return {
    connection: {
      strategy: 'gitlabSelf',
      configuration: { BASE_URL: gitlab.url, ACCESS_TOKEN: gitlab.adminToken },
    },
    change: (n) => Object.assign(users[n] ?? {}, { name: 'Manager' }),
    close: async () => undefined,
  };
};

const SOURCES: readonly (readonly [string, Open])[] = [
  ['Okta', okta],
  ['Google', google],
  ['Active Directory (stand-in)', activeDirectory],
  ...(hasSlapd() ? ([['OpenLDAP', openLdap]] as const) : []),
  ['Slack, accounts', slackAccounts],
  ['GitLab, accounts', gitlabAccounts],
  ['demo (60 people)', demo],
];

export async function sources({ sourcePeople }: Sizes): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const [name, open] of SOURCES) {
    rows.push(
      ...(await onStage(false, async (stage) => {
        const directory = await open(sourcePeople, stage);
        try {
          return await play(name, stage.bridge, directory);
        } finally {
          await directory.close();
        }
      })),
    );
  }
  return rows;
}

async function play(name: string, bridge: RunningBridge, directory: Directory): Promise<readonly Row[]> {
  const pulled = await Pulled.make(
    bridge,
    { name, sync: { enabled: false }, ...directory.connection },
    WITHIN_MS,
  );
  const rows: Row[] = [];
  const measure = async (what: string, work: () => ReturnType<Pulled['sync']>) => {
    let run = {} as Awaited<ReturnType<Pulled['sync']>>;
    const tookMs = await timed(async () => {
      run = await work();
    });
    const { state, error, mode, summary } = run;
    if (state !== 'DONE') throw new Error(`${name}: ${what} ended ${state}: ${error}`);
    const changed = `${summary.created} made, ${summary.updated} changed`;
    rows.push({ what: `${name}: ${what} (${mode}): ${changed}`, figure: ms(tookMs) });
  };
  await measure('first run', () => pulled.activate());
  await measure('nothing changed', () => pulled.sync({ full: true }));
  for (const n of numbers(CHANGED)) await directory.change(n);
  const { day } = directory;
  await measure('some changed', () => pulled.sync(day === undefined ? {} : { day }));
  await measure('nothing changed since', () => pulled.sync());
  return rows;
}
