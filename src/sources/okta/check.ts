/** Checks whether the bridge may read this Okta organisation: scope by scope, then right by right, each by name. */

import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Right, SourceStatus } from '../source.ts';
import { GROUPS_SCOPE, type OktaCalls, USERS_SCOPE } from './api/calls.ts';
import type { OktaClient } from './api/client.ts';
import { type Refusal, tokenAdvice } from './api/errors.ts';
import { NOT_SHOWN, showsEveryone } from './everyone.ts';

export interface CheckedOkta {
  readonly origin: string;
  readonly client: OktaClient;
  readonly calls: OktaCalls;
}

export async function checkOkta(okta: CheckedOkta, context: CallContext): Promise<SourceStatus> {
  const tenant = await tenantOf(okta, context);
  const scopes = await checkScopes(okta, context);
  const rights = [...scopes];
  if (scopes.every(({ granted }) => granted)) {
    const { calls } = okta;
    rights.push(await checkReading(okta, 'people', calls.users({ limit: '1' }), context));
    const credential = rights.at(-1)?.right === CREDENTIAL;
    if (!credential) rights.push(await checkReading(okta, 'groups', calls.groups({ limit: '1' }), context));
    if (rights.every(({ granted }) => granted)) rights.push(await checkEverybody(okta, context));
  }
  const status = rights.every(({ granted }) => granted) ? 'OK' : 'FAILED';
  return { status, details: rights, tenant, self: null };
}

/**
 * The organisation's id is the same under all of its domains; where Okta does not show it, the address stands for it.
 */
export async function tenantOf({ origin, client, calls }: CheckedOkta, context: CallContext) {
  const { host } = new URL(origin);
  try {
    const { value } = await client.ask(calls.organization(), 'say which organisation it is', context);
    return { id: value.id, name: host };
  } catch (error) {
    if (error instanceof RemoteError && error.status === 404) return { id: host, name: host };
    throw error;
  }
}

const CREDENTIAL = 'credential';

/** Asks for one scope at a time: for two together Okta only says that something is missing. */
async function checkScopes({ client }: CheckedOkta, context: CallContext): Promise<readonly Right[]> {
  const { tryScope } = client.credential;
  if (!tryScope) return [];
  const rights: Right[] = [];
  for (const scope of [USERS_SCOPE, GROUPS_SCOPE]) {
    const refusal = await tryScope(scope, context);
    if (refusal !== null && refusal.code !== 'invalid_scope') return [refusedCredential(refusal, scope)];
    rights.push(
      refusal === null
        ? { code: 'scope_granted', right: scope, granted: true, message: `The app has the scope ${scope}.` }
        : {
            code: 'missing_scope',
            right: scope,
            granted: false,
            message: sentence(tokenAdvice(refusal, scope)),
          },
    );
  }
  return rights;
}

function refusedCredential(refusal: Refusal, scope: string): Right {
  const message = sentence(tokenAdvice(refusal, scope));
  return { code: refusal.code, right: CREDENTIAL, granted: false, message };
}

/** Scopes allow an API, a role allows people: the bridge needs both. */
async function checkReading(
  { client }: CheckedOkta,
  what: 'people' | 'groups',
  call: Parameters<OktaClient['ask']>[0],
  context: CallContext,
): Promise<Right> {
  const right = `read ${what}`;
  try {
    await client.ask(call, `list ${what}`, context);
    return { code: 'right_granted', right, granted: true, message: `The bridge may read ${what}.` };
  } catch (error) {
    if (!(error instanceof RemoteError) || error.disposition !== 'unauthorized') throw error;
    if (error.status !== 403) {
      const message = `Okta does not accept the credential any more (${error.code ?? ''}): ${CREDENTIAL_ADVICE}`;
      return { code: error.code ?? 'invalid_token', right: CREDENTIAL, granted: false, message };
    }
    const message = `Okta does not let the bridge read ${what} (${error.code ?? ''}): give the app, or the person whose API token it is, the role Read-only Administrator for the whole organisation.`;
    return { code: 'missing_role', right, granted: false, message };
  }
}

/** A role for a few groups shows only some people, and everything looks healthy. */
async function checkEverybody(okta: CheckedOkta, context: CallContext): Promise<Right> {
  const right = 'see everybody';
  if (await showsEveryone(okta, context))
    return {
      code: 'right_granted',
      right,
      granted: true,
      message: 'The bridge is shown the group Everyone.',
    };
  const message =
    'Okta does not show the bridge the group Everyone, as to an administrator of some groups alone, so that others look as if they were deleted: give the app, or the person whose API token it is, the role Read-only Administrator for the whole organisation.';
  return { code: NOT_SHOWN, right, granted: false, message };
}

const CREDENTIAL_ADVICE =
  'enter a new API_TOKEN of an administrator who is still there, or see that the app is active.';

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
