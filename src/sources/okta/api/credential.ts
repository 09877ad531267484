/**
 * How the bridge signs in to Okta: with an API token, or as a service app that signs an assertion for each token and,
 * if the app demands it, a proof for each request (DPoP, RFC 9449). Tokens stay in memory and are shown to nobody.
 */

import { randomUUID } from 'node:crypto';
import { judge, undoneError } from '../../../connectors/answers.ts';
import type { CallContext } from '../../../connectors/connector.ts';
import type { SendRequest, VendorResponse } from '../../../connectors/http.ts';
import { createProofKey, hashOfToken, signJwt } from '../../jwt.ts';
import type { SourceDeps } from '../../source.ts';
import type { OktaCredential, OktaSettings } from '../settings.ts';
import { GROUPS_SCOPE, type OktaToken, TOKEN_ANSWERS, USERS_SCOPE } from './calls.ts';
import { type Refusal, refused, VENDOR } from './errors.ts';

export interface Credential {
  /** The headers that sign one request. */
  headersFor(url: string, context: CallContext): Promise<Readonly<Record<string, string>>>;
  /** True where another try with new headers may pass: the token was dropped, or Okta sent a nonce to use. */
  renew(answer: VendorResponse): boolean;
  /** Asks for a token with this one scope; null for an API token, which has no scopes. */
  readonly tryScope: ((scope: string, context: CallContext) => Promise<Refusal | null>) | null;
}

type CredentialDeps = Pick<SourceDeps, 'now' | 'wallClock'> & { readonly send: SendRequest };

export function createCredential(settings: OktaSettings, deps: CredentialDeps): Credential {
  const { credential } = settings;
  return credential.kind === 'app'
    ? appCredential(settings.origin, credential, deps)
    : apiToken(credential.token);
}

function apiToken(token: string): Credential {
  return {
    headersFor: async () => ({ authorization: `SSWS ${token}` }),
    renew: () => false,
    tryScope: null,
  };
}

const ASSERTION_SECONDS = 300;
/** The bridge replaces a token this long before it ends, because a request takes time to arrive. */
const TOKEN_MARGIN_MS = 60_000;
/**
 * The first request, one with proof of possession, one with the nonce, and one more if the nonce has just changed.
 */
const TOKEN_TRIES_MAX = 4;

function appCredential(
  origin: string,
  { clientId, keyId, key }: Extract<OktaCredential, { kind: 'app' }>,
  { now, wallClock, send }: CredentialDeps,
): Credential {
  const tokenUrl = `${origin}/oauth2/v1/token`;
  const scopes = `${USERS_SCOPE} ${GROUPS_SCOPE}`;
  let held: { readonly token: OktaToken; readonly endsAt: number } | null = null;
  let asking: Promise<OktaToken> | null = null;
  let proofKey: ReturnType<typeof createProofKey> | null = null;
  let nonce: string | null = null;

  const seconds = () => Math.floor(wallClock() / 1000);
  const proofFor = (method: string, url: string, token?: string): Readonly<Record<string, string>> => {
    if (!proofKey) return {};
    const { origin: host, pathname } = new URL(url);
    const claims = {
      ...{ htm: method, htu: host + pathname, iat: seconds(), jti: randomUUID() },
      ...(nonce === null ? {} : { nonce }),
      ...(token === undefined ? {} : { ath: hashOfToken(token) }),
    };
    return { dpop: signJwt(proofKey.signing, { typ: 'dpop+jwt', jwk: proofKey.jwk }, claims) };
  };
  const assertion = () => {
    const iat = seconds();
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: tokenUrl,
      iat,
      exp: iat + ASSERTION_SECONDS,
      jti: randomUUID(),
    };
    return signJwt(key, { kid: keyId }, claims);
  };
  const noteNonce = ({ headers }: VendorResponse) => {
    const given = headers.get('dpop-nonce');
    const isNew = given !== null && given !== nonce;
    if (isNew) nonce = given;
    return isNew;
  };
  /** Whether the next try will do what the refusal asks for. */
  const learns = ({ code }: Refusal, answer: VendorResponse): boolean => {
    const hasNonce = noteNonce(answer);
    if (proofKey || !/^(invalid_dpop_proof|use_dpop_nonce)$/.test(code)) return hasNonce && proofKey !== null;
    proofKey = createProofKey();
    return true;
  };

  const ask = async (scope: string, context: CallContext): Promise<OktaToken | Refusal> => {
    const action = 'get a token';
    const form = {
      ...{ grant_type: 'client_credentials', scope, client_assertion: '' },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    };
    for (let tries = 1; ; tries += 1) {
      const response = await send(
        {
          method: 'POST',
          url: tokenUrl,
          headers: {
            ...{ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
            ...proofFor('POST', tokenUrl),
          },
          body: new URLSearchParams({ ...form, client_assertion: assertion() }).toString(),
          ...{ action, writes: false },
        },
        context,
      );
      const judgement = judge(TOKEN_ANSWERS, response);
      if (judgement.is === 'done') {
        noteNonce(response);
        return judgement.value;
      }
      const asked = { store: VENDOR, vendor: VENDOR, action, writes: false };
      if (judgement.is !== 'refused') throw undoneError(judgement, asked, response);
      if (tries >= TOKEN_TRIES_MAX || !learns(judgement.refusal, response)) return judgement.refusal;
    }
  };
  const freshToken = async (context: CallContext): Promise<OktaToken> => {
    const asked = now();
    const answer = await ask(scopes, context);
    if ('code' in answer) throw refused(answer, 'get a token');
    held = { token: answer, endsAt: asked + answer.seconds * 1000 - TOKEN_MARGIN_MS };
    return answer;
  };
  const token = (context: CallContext): Promise<OktaToken> => {
    if (held && held.endsAt > now()) return Promise.resolve(held.token);
    // Requests that find the token ended at the same time share one new token.
    asking ??= freshToken(context).finally(() => {
      asking = null;
    });
    return asking;
  };

  return {
    async headersFor(url, context) {
      const { token: text, type } = await token(context);
      return { authorization: `${type} ${text}`, ...(type === 'DPoP' ? proofFor('GET', url, text) : {}) };
    },
    renew(answer) {
      if (answer.status !== 401) return false;
      const hasNonce = noteNonce(answer);
      if (!(hasNonce && /use_dpop_nonce/.test(answer.headers.get('www-authenticate') ?? ''))) held = null;
      return true;
    },
    async tryScope(scope, context) {
      const answer = await ask(scope, context);
      return 'code' in answer ? answer : null;
    },
  };
}
