/**
 * Who asks an emulated Okta: API tokens, and service apps that prove themselves with a signed assertion and, where
 * the app demands it, prove each request with a key of their own (DPoP, RFC 9449).
 */

import { createHash, type JsonWebKey } from 'node:crypto';
import { readJwt, thumbprint } from '../jwt.ts';
import type { Answer, EmulatedRequest } from '../server.ts';
import { badToken } from './answers.ts';

/** `none`: scopes alone. A number of groups: what such an administrator may see. */
export type OktaRole = 'none' | 'readOnly' | ReadonlySet<string>;

export interface OktaApp {
  readonly clientId: string;
  readonly keyId: string;
  /** PEM. */
  readonly publicKey: string;
  scopes: readonly string[];
  role: OktaRole;
  demandsDpop: boolean;
}

export interface Access {
  readonly scopes: readonly string[] | 'all';
  readonly role: OktaRole;
}

interface IssuedToken {
  readonly app: OktaApp;
  readonly scopes: readonly string[];
  readonly boundTo: string | null;
  readonly endsAt: number;
}

export interface OktaTokens {
  readonly apps: Map<string, OktaApp>;
  readonly apiTokens: Map<string, OktaRole>;
  issue(request: EmulatedRequest): Answer;
  /** Throws where the request has no right to be answered. */
  accessOf(request: EmulatedRequest): Access;
  /** Every token that was given out ends. */
  revokeAll(): void;
}

const TOKEN_SECONDS = 3600;
const NONCE = 'emulated-nonce';

export function createTokens(url: string, now: () => number): OktaTokens {
  const apps = new Map<string, OktaApp>();
  const apiTokens = new Map<string, OktaRole>();
  const issued = new Map<string, IssuedToken>();
  const usedIds = new Set<string>();
  const tokenUrl = `${url}/oauth2/v1/token`;
  let count = 0;

  const isFresh = (claims: Readonly<Record<string, unknown>>) => {
    const id = String(claims.jti);
    if (claims.jti === undefined || usedIds.has(id)) return false;
    usedIds.add(id);
    return true;
  };
  const proofKey = (
    request: EmulatedRequest,
    htu: string,
  ): { jkt: string; nonce: unknown; ath: unknown } | null => {
    const proof = readJwt(request.headers.dpop ?? '');
    const jwk = proof?.header.jwk as JsonWebKey | undefined;
    if (!proof || !jwk || proof.header.typ !== 'dpop+jwt' || 'd' in jwk || !proof.isSignedBy(jwk))
      return null;
    const { htm, htu: told, iat, nonce, ath } = proof.claims;
    const isNow = Math.abs(Number(iat) - now() / 1000) < 300;
    if (htm !== request.method || told !== htu || !isNow || !isFresh(proof.claims)) return null;
    return { jkt: thumbprint(jwk), nonce, ath };
  };

  return {
    apps,
    apiTokens,
    issue(request) {
      const form = (request.body ?? {}) as Readonly<Record<string, string>>;
      const assertion = readJwt(form.client_assertion ?? '');
      const { iss, sub, aud, exp } = assertion?.claims ?? {};
      const app = apps.get(String(iss));
      if (!assertion || !app || sub !== iss) {
        return oauthError(401, 'invalid_client', 'The client assertion is invalid.');
      }
      if (assertion.header.kid !== app.keyId || !assertion.isSignedBy(app.publicKey)) {
        return oauthError(401, 'invalid_client', 'The client_assertion signature is invalid.');
      }
      const seconds = now() / 1000;
      if (Number(exp) <= seconds)
        return oauthError(401, 'invalid_client', 'The client_assertion token is expired.');
      if (Number(exp) > seconds + 3600) {
        return oauthError(
          401,
          'invalid_client',
          'The client_assertion token has an expiration too far into the future.',
        );
      }
      if (aud !== tokenUrl) {
        return oauthError(
          401,
          'invalid_client',
          'The audience claim for client_assertion must be the endpoint invoked for the request.',
        );
      }
      if (!isFresh(assertion.claims)) {
        return oauthError(401, 'invalid_client', 'The client_assertion token has already been used.');
      }
      let boundTo: string | null = null;
      if (app.demandsDpop) {
        if (request.headers.dpop === undefined) {
          return oauthError(400, 'invalid_dpop_proof', 'The DPoP proof JWT header is missing.');
        }
        const key = proofKey(request, tokenUrl);
        if (!key) return oauthError(400, 'invalid_dpop_proof', 'The DPoP proof JWT is invalid.');
        if (key.nonce !== NONCE) {
          const answer = oauthError(
            400,
            'use_dpop_nonce',
            'Authorization server requires nonce in DPoP proof.',
          );
          return { ...answer, headers: { 'dpop-nonce': NONCE } };
        }
        boundTo = key.jkt;
      }
      const scopes = (form.scope ?? '').split(' ').filter((scope) => scope !== '');
      const missing = scopes.find((scope) => !app.scopes.includes(scope));
      if (scopes.length === 0 || missing !== undefined) {
        return oauthError(
          400,
          'invalid_scope',
          'One or more scopes are not configured for the authorization server resource.',
        );
      }
      count += 1;
      const token = `eyJ.emulated.${count}`;
      issued.set(token, { app, scopes, boundTo, endsAt: now() + TOKEN_SECONDS * 1000 });
      const type = boundTo === null ? 'Bearer' : 'DPoP';
      const body = {
        token_type: type,
        expires_in: TOKEN_SECONDS,
        access_token: token,
        scope: scopes.join(' '),
      };
      return { status: 200, body };
    },
    accessOf(request) {
      const [scheme, value = ''] = (request.headers.authorization ?? '').split(' ');
      if (scheme === 'SSWS') {
        const role = apiTokens.get(value);
        if (role === undefined) throw badToken();
        return { scopes: 'all', role };
      }
      const token = issued.get(value);
      if (!token || token.endsAt <= now()) throw badToken();
      if (scheme !== (token.boundTo === null ? 'Bearer' : 'DPoP')) throw badToken();
      if (token.boundTo !== null) {
        const key = proofKey(request, `${url}${request.path}`);
        const ath = createHash('sha256').update(value).digest('base64url');
        if (key?.jkt !== token.boundTo || key.ath !== ath) throw badToken();
      }
      return { scopes: token.scopes, role: token.app.role };
    },
    revokeAll: () => issued.clear(),
  };
}

function oauthError(status: number, error: string, description: string): Answer {
  return { status, body: { error, error_description: description } };
}
