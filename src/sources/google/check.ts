/**
 * Checks whether the bridge may read this Google Workspace: asks for a token for each scope, then reads one of each
 * thing.
 */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Right, SourceStatus } from '../source.ts';
import {
  type Call,
  type GoogleCalls,
  type GoogleRecord,
  GROUPS_SCOPE,
  OF_MEMBERS,
  USERS_SCOPE,
} from './api/calls.ts';
import type { GoogleClient } from './api/client.ts';
import { rightAdvice, tokenAdvice } from './api/errors.ts';
import type { GoogleSettings } from './settings.ts';

export interface CheckedGoogle {
  readonly settings: GoogleSettings;
  readonly client: GoogleClient;
  readonly calls: GoogleCalls;
}

export async function checkGoogle(google: CheckedGoogle, context: CallContext): Promise<SourceStatus> {
  const { subject } = google.settings;
  const self = { remoteId: null, identifiers: [subject] };
  const rights: Right[] = [...(await checkScopes(google, context))];
  const finished = (tenant: SourceStatus['tenant']): SourceStatus => ({
    status: rights.every(({ granted }) => granted) ? 'OK' : 'FAILED',
    ...{ details: rights, tenant, self },
  });
  if (rights.some(({ granted }) => !granted)) return finished(null);

  const { calls } = google;
  const own = await reading(google, `SUBJECT ${subject}`, calls.user(subject), context);
  rights.push(own.right);
  const people = await reading(google, 'people', calls.users(null, 1), context);
  rights.push(people.right);
  const groups = await reading(google, 'groups', calls.groups(null, 1), context);
  rights.push(groups.right);
  const [group] = groups.value?.records ?? [];
  if (group)
    rights.push((await reading(google, 'members of groups', calls.members(group.id, null), context)).right);
  return finished(own.value ? tenantOf(own.value, google.settings) : null);
}

/** Found through the account of SUBJECT. */
export function tenantOf(
  { record }: GoogleRecord,
  { subject }: GoogleSettings,
): NonNullable<SourceStatus['tenant']> {
  const name = subject.split('@')[1] ?? subject;
  return { id: typeof record.customerId === 'string' ? record.customerId : name, name };
}

/**
 * Google refuses a token for all scopes if one is not delegated, and does not say which: so it is asked for each
 * alone.
 */
async function checkScopes(
  { settings, client }: CheckedGoogle,
  context: CallContext,
): Promise<readonly Right[]> {
  const { account, subject } = settings;
  const advised = { subject, client: account.clientId ?? account.email };
  const rights: Right[] = [];
  for (const alternatives of [[USERS_SCOPE], [GROUPS_SCOPE], OF_MEMBERS]) {
    const [scope = ''] = alternatives;
    let refusal = await client.tryScope(scope, context);
    let given = scope;
    for (const wider of alternatives.slice(1)) {
      if (refusal?.reason !== 'unauthorized_client') break;
      const other = await client.tryScope(wider, context);
      if (other === null) [refusal, given] = [null, wider];
    }
    if (refusal === null) {
      const message = `The service account has the scope ${given} in domain-wide delegation.`;
      rights.push({ code: 'scope_granted', right: scope, granted: true, message });
      continue;
    }
    const message = sentence(tokenAdvice(refusal, { ...advised, scope }));
    if (refusal.reason !== 'unauthorized_client') {
      return [...rights, { code: refusal.reason, right: 'credential', granted: false, message }];
    }
    rights.push({ code: 'missing_scope', right: scope, granted: false, message });
  }
  return rights;
}

async function reading<T>(
  { settings, client }: CheckedGoogle,
  what: string,
  call: Call<T>,
  context: CallContext,
): Promise<{ readonly right: Right; readonly value: T | null }> {
  const right = `read ${what}`;
  try {
    const value = await client.ask(call, `read ${what}`, context);
    return {
      right: { code: 'right_granted', right, granted: true, message: `The bridge may read ${what}.` },
      value,
    };
  } catch (error) {
    if (!(error instanceof RemoteError) || !/^(unauthorized|missing|rejected)$/.test(error.disposition))
      throw error;
    const message = sentence(rightAdvice(error, what, settings.subject));
    return { right: { code: error.code ?? 'missing_right', right, granted: false, message }, value: null };
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
