/** Okta's API over HTTP: signed, paced, judged, page by page. Tokens never go to another origin. */

import { judge, undoneError } from '../../../connectors/answers.ts';
import type { CallContext } from '../../../connectors/connector.ts';
import { createSender, type VendorResponse } from '../../../connectors/http.ts';
import { createPacer } from '../../../connectors/pacer.ts';
import { RemoteError } from '../../../model/errors.ts';
import { patiently } from '../../patience.ts';
import type { SourceDeps } from '../../source.ts';
import type { OktaSettings } from '../settings.ts';
import type { Call } from './calls.ts';
import { type Credential, createCredential } from './credential.ts';
import { refused, VENDOR } from './errors.ts';
import { OKTA_BUCKETS, withOktaRate } from './rate.ts';

export interface Answered<T> {
  readonly value: T;
  /** Okta's clock when it answered, milliseconds; null where it did not say. */
  readonly at: number | null;
  /** The next page; null where there is none. */
  readonly next: string | null;
}

export interface OktaClient {
  readonly credential: Credential;
  /** Calls once. Throws a RemoteError for every answer that was not asked for. */
  ask<T>(call: Call<T>, action: string, context: CallContext): Promise<Answered<T>>;
  /** All pages; each waits for rate limits and passing outages. */
  pages<T>(call: Call<T>, action: string, context: CallContext): AsyncGenerator<Answered<T>>;
}

/** Enough for 20 million people. */
const PAGES_MAX = 100_000;

export function createOktaClient(settings: OktaSettings, deps: SourceDeps): OktaClient {
  const pacer = createPacer(OKTA_BUCKETS, deps);
  const fetch = withOktaRate(deps.fetch, pacer, deps.wallClock);
  const send = createSender({ store: VENDOR, pacer, fetch, now: deps.now });
  const credential = createCredential(settings, { now: deps.now, wallClock: deps.wallClock, send });

  const exchange = async (
    call: Call<unknown>,
    action: string,
    context: CallContext,
  ): Promise<VendorResponse> => {
    const once = async () => {
      const signed = call.isPublic ? {} : await credential.headersFor(call.url, context);
      const headers = { accept: 'application/json', ...signed };
      return send({ method: 'GET', url: call.url, headers, action, writes: false }, context);
    };
    const response = await once();
    return !call.isPublic && credential.renew(response) ? once() : response;
  };

  const ask: OktaClient['ask'] = async (call, action, context) => {
    const response = await exchange(call, action, context);
    const judgement = judge(call.answers, response);
    if (judgement.is === 'refused') throw refused(judgement.refusal, action);
    if (judgement.is !== 'done') {
      throw undoneError(judgement, { store: VENDOR, vendor: VENDOR, action, writes: false }, response);
    }
    const at = Date.parse(response.headers.get('date') ?? '');
    const next = nextLink(response.headers.get('link') ?? '', call.url, settings.origin, action);
    return { value: judgement.value, at: Number.isNaN(at) ? null : at, next };
  };

  return {
    credential,
    ask,
    async *pages<T>(call: Call<T>, action: string, context: CallContext): AsyncGenerator<Answered<T>> {
      const seen = new Set<string>();
      let url: string | null = call.url;
      while (url !== null) {
        if (seen.has(url) || seen.size >= PAGES_MAX) throw endless(action);
        seen.add(url);
        const page: Call<T> = { ...call, url };
        const answered: Answered<T> = await patiently(deps, context, () => ask(page, action, context));
        yield answered;
        url = answered.next;
      }
    },
  };
}

/** RFC 8288; only Okta knows what its cursor means. */
export function nextLink(header: string, asked: string, origin: string, action: string): string | null {
  const [, target] = /<([^>]*)>\s*;[^,<]*\brel="?next"?/i.exec(header) ?? [];
  if (target === undefined) return null;
  const url = URL.canParse(target, asked) ? new URL(target, asked) : null;
  if (url?.origin === origin) return url.href;
  throw new RemoteError(
    `Okta was asked to ${action}, and the link to the next page leads to another host: the bridge does not follow it with the credential; enter as ORG_URL the address that Okta answers by`,
    { store: VENDOR, action, disposition: 'rejected', code: 'foreign_link' },
  );
}

function endless(action: string): RemoteError {
  return new RemoteError(`Okta was asked to ${action}, and its pages do not end`, {
    ...{ store: VENDOR, action, code: 'endless_pages' },
    disposition: 'rejected',
  });
}
