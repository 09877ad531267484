/** What must be so in the end, whatever happened to processes and database meanwhile. */

import { eventually, type Reply } from '../bridge.ts';
import type { GitLabEmulator } from '../emulator/gitlab.ts';
import type { LoggedRequest } from '../emulator/server.ts';
import type { SlackEmulator } from '../emulator/slack.ts';
import { type AuditEvent, expectAudited, tookEffect } from './audited.ts';
import { type Company, gitlabStanding, type Standing, slackStanding } from './company.ts';
import { settled } from './world.ts';

export type Admin = (method: string, path: string, body?: unknown) => Promise<Reply>;

export interface Vendors {
  readonly slack: SlackEmulator;
  readonly gitlab: GitLabEmulator;
}

/** Slack allows three writes a second; everyone who is away comes back in the end. */
const SETTLED_WITHIN_MS = 180_000;

/** The directory is as the clients were told, and the stores as the directory; nobody is left out. */
export async function expectAsTold(
  { slack, gitlab }: Vendors,
  admin: Admin,
  company: Company,
): Promise<void> {
  await company.checkDirectory();
  await settled(admin, SETTLED_WITHIN_MS);
  expect(activeOf(slackStanding(slack))).toEqual(activeOf(company.wanted()));
  expect(activeOf(gitlabStanding(gitlab))).toEqual(activeOf(company.wanted()));
  // Accounts of those who are away are not updated, and not made; with everyone back all must be as wanted.
  for (const name of company.names) {
    if (company.stateOf(name) === 'deleted') await company.hire(name, 'Back at last');
    else await company.setActive(name, true);
  }
  await settled(admin, SETTLED_WITHIN_MS);
  await company.checkDirectory();
  expect(slackStanding(slack)).toEqual(company.wanted());
  expect(gitlabStanding(gitlab)).toEqual(company.wanted());
  expectOneCreationEach(slack.requests);
  expectOneCreationEach(gitlab.requests);
  // The bridge looks once more at whatever it had no answer about; nothing is parked.
  const tasks = async () => (await admin('GET', '/propagation/tasks')).body;
  await eventually(
    async () => (await tasks()).count === 0 || undefined,
    SETTLED_WITHIN_MS,
    async () => JSON.stringify(await tasks()),
  );
}

function activeOf({ accounts, groups }: Standing): Standing {
  return { accounts: accounts.filter(([, state]) => state === 'active'), groups };
}

/**
 * A second creation may have been refused: the late call of a dead process. Two that made an account are a
 * fault.
 */
function expectOneCreationEach(requests: readonly LoggedRequest[]): void {
  const made = requests
    .filter((request) => tookEffect(request) && request.method === 'POST' && /\/users$/i.test(request.path))
    .map(({ body }) => emailIn(body));
  expect(made).not.toContain(undefined);
  expect(made).toEqual([...new Set(made)]);
}

const emailIn = (body: unknown) => /[\w.]+@acme\.example/.exec(JSON.stringify(body))?.[0];

/** Answers how many of the writes got no answer that the bridge heard. */
export async function expectEachWriteAudited(
  { slack, gitlab }: Vendors,
  admin: Admin,
  stores: Readonly<Record<'slack' | 'gitlab', string>>,
): Promise<number> {
  const slackUnanswered = expectAudited(
    slack.requests,
    await eventsOf(admin, stores.slack),
    ({ path, body }) => {
      const id = /\/(?:Users|Groups)\/(\w+)/.exec(path)?.[1];
      const email = id ? slack.users.get(id)?.emails[0]?.value : emailIn(body);
      const name = (body as { displayName?: string } | null)?.displayName;
      return [id, email, email?.split('@')[0], name].filter((alias) => alias !== undefined);
    },
  );
  const gitlabUnanswered = expectAudited(
    gitlab.requests,
    await eventsOf(admin, stores.gitlab),
    ({ path, body }) => {
      const [, kind, id] = /\/(users|groups)\/(\d+)/.exec(path) ?? [];
      const email = kind === 'users' ? gitlab.state.users.get(Number(id))?.email : emailIn(body);
      const name = (body as { name?: string } | null)?.name;
      return [id && `"${id}"`, email, email?.split('@')[0], name].filter((alias) => alias !== undefined);
    },
  );
  return slackUnanswered + gitlabUnanswered;
}

async function eventsOf(admin: Admin, storeId: string): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  let cursor = '';
  do {
    const { body } = await admin('GET', `/events?storeId=${storeId}&limit=200${cursor}`);
    events.push(...body._embedded.events);
    const next: string | undefined = body._links.next?.href;
    cursor = next ? `&cursor=${new URL(next, 'http://bridge').searchParams.get('cursor')}` : '';
  } while (cursor !== '');
  return events;
}
