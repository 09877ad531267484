/** Google's Directory API over HTTP: a token for each scope, paced, judged, page by page. */

import { judge, undoneError } from '../../../connectors/answers.ts';
import type { CallContext } from '../../../connectors/connector.ts';
import { createSender } from '../../../connectors/http.ts';
import { createPacer } from '../../../connectors/pacer.ts';
import { RemoteError } from '../../../model/errors.ts';
import { signJwt } from '../../jwt.ts';
import { patiently } from '../../patience.ts';
import type { SourceDeps } from '../../source.ts';
import type { GoogleSettings } from '../settings.ts';
import { type Call, type GooglePage, TOKEN_ANSWERS } from './calls.ts';
import { isLimit, type Refusal, refused, VENDOR } from './errors.ts';

export interface GoogleClient {
  /** Tries once. Throws a RemoteError for every answer that was not asked for. */
  ask<T>(call: Call<T>, action: string, context: CallContext): Promise<T>;
  /** As `ask`, but waits for rate limits and passing outages. */
  patient<T>(call: Call<T>, action: string, context: CallContext): Promise<T>;
  /** Every page to the last. */
  pages(
    call: (pageToken: string | null) => Call<GooglePage>,
    action: string,
    context: CallContext,
  ): AsyncGenerator<GooglePage>;
  /** Whether Google gives out a token for this one scope: null if so, otherwise its refusal. */
  tryScope(scope: string, context: CallContext): Promise<Refusal | null>;
}

/** Google allows 2,400 a minute for each project and SUBJECT; other tools of the customer use the same SUBJECT. */
const PER_MINUTE = 1_800;
const BURST = 100;
const PAGES_MAX = 100_000;
const ASSERTION_SECONDS = 3_600;
/** The bridge replaces a token this long before it ends, because a request takes time to arrive. */
const TOKEN_MARGIN_MS = 60_000;
const GAP_FIRST_MS = 1_000;
const GAP_MAX_MS = 64_000;

export function createGoogleClient(settings: GoogleSettings, deps: SourceDeps): GoogleClient {
  const bucket = { name: VENDOR, limit: { perMinute: PER_MINUTE, burst: BURST }, keyOf: () => '' };
  const pacer = createPacer([bucket], deps);
  const send = createSender({ store: VENDOR, pacer, fetch: deps.fetch, now: deps.now });
  const held = new Map<string, { readonly token: string; readonly endsAt: number }>();
  const asking = new Map<string, Promise<string>>();
  /** For each list of scopes, the one that is delegated. */
  const chosen = new Map<string, string>();
  let limitsInARow = 0;

  const tryToken = async (scope: string, context: CallContext): Promise<string | Refusal> => {
    const { account, subject, tokenUrl } = settings;
    const action = 'get a token';
    const iat = Math.floor(deps.wallClock() / 1000);
    const claims = {
      iss: account.email,
      sub: subject,
      scope,
      aud: tokenUrl,
      iat,
      exp: iat + ASSERTION_SECONDS,
    };
    const header = { typ: 'JWT', ...(account.keyId === null ? {} : { kid: account.keyId }) };
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: signJwt(account.key, header, claims),
    });
    const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
    const began = deps.now();
    const response = await send(
      { method: 'POST', url: tokenUrl, headers, body: form.toString(), action, writes: false },
      context,
    );
    const judgement = judge(TOKEN_ANSWERS, response);
    if (judgement.is === 'refused') return judgement.refusal;
    if (judgement.is !== 'done') throw undone(judgement, action, response);
    const { token, seconds } = judgement.value;
    held.set(scope, { token, endsAt: began + seconds * 1000 - TOKEN_MARGIN_MS });
    return token;
  };
  const firstDelegated = async (scopes: readonly string[], context: CallContext): Promise<string> => {
    let refusal: Refusal | null = null;
    for (const scope of scopes) {
      const answer = await tryToken(scope, context);
      if (typeof answer === 'string') {
        chosen.set(scopes.join(), scope);
        return answer;
      }
      refusal ??= answer;
      if (answer.reason !== 'unauthorized_client') break;
    }
    throw refused(refusal as Refusal, 'get a token');
  };
  const tokenFor = (scopes: readonly string[], context: CallContext): Promise<string> => {
    const key = scopes.join();
    const known = held.get(chosen.get(key) ?? '');
    if (known && known.endsAt > deps.now()) return Promise.resolve(known.token);
    // Requests that find the token ended at the same time share one new token.
    const begun = asking.get(key) ?? firstDelegated(scopes, context).finally(() => asking.delete(key));
    asking.set(key, begun);
    return begun;
  };

  const ask: GoogleClient['ask'] = async (call, action, context) => {
    const once = async () => {
      const token = await tokenFor(call.scopes, context);
      const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
      return send({ method: 'GET', url: call.url, headers, action, writes: false }, context);
    };
    let response = await once();
    if (response.status === 401) {
      held.delete(chosen.get(call.scopes.join()) ?? '');
      response = await once();
    }
    const judgement = judge(call.answers, response);
    if (judgement.is === 'done') {
      limitsInARow = 0;
      return judgement.value;
    }
    if (judgement.is !== 'refused') throw undone(judgement, action, response);
    if (!isLimit(judgement.refusal)) throw refused(judgement.refusal, action);
    limitsInARow += 1;
    const gapMs = response.retryAfterMs ?? gapAfter(limitsInARow);
    pacer.pauseAll(gapMs);
    throw refused(judgement.refusal, action, gapMs);
  };
  const patient: GoogleClient['patient'] = (call, action, context) =>
    patiently(deps, context, () => ask(call, action, context));

  return {
    ask,
    patient,
    async *pages(call, action, context) {
      const seen = new Set<string>();
      let token: string | null = null;
      do {
        const page: GooglePage = await patient(call(token), action, context);
        yield page;
        token = page.next;
        if (token !== null && (seen.has(token) || seen.size >= PAGES_MAX)) throw endless(action);
        if (token !== null) seen.add(token);
      } while (token !== null);
    },
    async tryScope(scope, context) {
      const answer = await tryToken(scope, context);
      return typeof answer === 'string' ? null : answer;
    },
  };
}

/** Doubles each time, with jitter, so that clients that share the limit do not come back together. */
function gapAfter(inARow: number): number {
  const gapMs = Math.min(GAP_FIRST_MS * 2 ** (inARow - 1), GAP_MAX_MS);
  return Math.round(gapMs * (1 + Math.random() / 2));
}

function undone(
  judgement: Parameters<typeof undoneError>[0],
  action: string,
  response: Parameters<typeof undoneError>[2],
) {
  return undoneError(judgement, { store: VENDOR, vendor: VENDOR, action, writes: false }, response);
}

function endless(action: string): RemoteError {
  return new RemoteError(`Google was asked to ${action}, and its pages do not end`, {
    ...{ store: VENDOR, action, code: 'endless_pages' },
    disposition: 'rejected',
  });
}
