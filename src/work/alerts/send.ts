/**
 * Makes one attempt to deliver a message. It throws only when stopped. Every result is an answer that the delivery
 * shows, without the URL, which is a secret. It follows no redirects.
 */

import { heardOf } from '../../connectors/answers.ts';
import { AddressRefused, type Fetch, type FetchedAnswer } from '../../connectors/connector.ts';
import { openTarget, type Target } from '../../control/alerts/targets.ts';
import type { AlertRecord } from '../../db/alerts/alerts.ts';
import type { DeliveryAttempt } from '../../db/alerts/deliveries.ts';
import { ATTEMPT_MAX_MS } from '../../model/alerts/alerts.ts';
import { type Post, PostFailed } from '../../model/alerts/mail.ts';
import { type Clock, isoTime } from '../../support/clock.ts';
import type { Keyring } from '../../support/secret.ts';
import { letterOf, slackBody, webhookHeaders } from './formats.ts';
import type { Message } from './message.ts';

export interface SendDeps {
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly fetch: Fetch;
  /** Null where no mail server is configured. */
  readonly post: Post | null;
}

export interface Sent extends DeliveryAttempt {
  readonly ok: boolean;
}

type Outcome = Pick<Sent, 'ok' | 'status' | 'error' | 'heard'>;

/** Where `ends` aborts it, rejects with the reason of `ends`; the receiver may have the message then. */
export async function send(
  deps: SendDeps,
  alert: AlertRecord,
  id: string,
  payload: string,
  ends: AbortSignal,
): Promise<Sent> {
  const { clock } = deps;
  const began = clock.now();
  const outcome = await outcomeOf(deps, alert, id, payload, ends);
  ends.throwIfAborted();
  return { at: isoTime(began), durationMs: Math.max(0, Math.round(clock.now() - began)), ...outcome };
}

async function outcomeOf(
  deps: SendDeps,
  alert: AlertRecord,
  id: string,
  payload: string,
  ends: AbortSignal,
): Promise<Outcome> {
  const limit = AbortSignal.timeout(ATTEMPT_MAX_MS);
  const signal = AbortSignal.any([ends, limit]);
  let target: Target;
  try {
    target = openTarget(deps.keyring, alert);
  } catch {
    return failed(0, 'the URL of the alert cannot be opened with ENCRYPTION_KEY: enter it again');
  }
  try {
    if (alert.kind === 'email') return await mailed(deps, target, id, payload, signal);
    return await posted(deps, alert, target, id, payload, signal);
  } catch (error) {
    if (limit.aborted) return failed(0, `no answer within ${ATTEMPT_MAX_MS / 1000} s`);
    if (error instanceof PostFailed) {
      return { ...failed(error.status, error.message), ...heardAs(error.heard) };
    }
    return failed(0, reasonOf(error));
  }
}

async function posted(
  { clock, fetch }: SendDeps,
  { kind }: AlertRecord,
  { url, signingSecret }: Target,
  id: string,
  payload: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const body = kind === 'slack' ? slackBody(JSON.parse(payload) as Message) : payload;
  const headers =
    kind === 'slack'
      ? new Headers({ 'content-type': 'application/json', 'user-agent': 'scim-bridge' })
      : webhookHeaders(signingSecret ?? '', id, Math.floor(clock.now() / 1000), body);
  const address = url ?? '';
  const answer = await fetch(address, { method: 'POST', headers, body, redirect: 'manual', signal });
  const { status } = answer;
  if (answer.ok) {
    dropBody(answer);
    return { ok: true, status };
  }
  if (status >= 300 && status < 400) {
    dropBody(answer);
    const location = answer.headers.get('location') ?? '';
    const host = URL.canParse(location, address) ? new URL(location, address).host : '';
    return {
      ...failed(status, 'the receiver redirects, which is not followed: enter the address that it leads to'),
      ...heardAs(host && `redirects to ${host}`),
    };
  }
  const said = withoutSecrets(await firstWords(answer).catch(() => ''), address);
  return { ...failed(status, `the receiver answered ${status}`), ...heardAs(said) };
}

async function mailed(
  { post }: SendDeps,
  { recipients }: Target,
  id: string,
  payload: string,
  signal: AbortSignal,
): Promise<Outcome> {
  if (!post) return failed(0, 'no mail server is set: whoever runs the bridge sets SMTP_URL');
  const letter = letterOf(JSON.parse(payload) as Message);
  const { status, refused } = await post({ ...letter, id, to: recipients }, signal);
  if (refused.length === 0) return { ok: true, status };
  // Sending it again would deliver it twice to everybody else.
  return { ok: true, status, error: `the mail server refused ${refused.join(', ')}` };
}

function failed(status: number, error: string): Outcome {
  return { ok: false, status, error };
}

function heardAs(said: string): { readonly heard?: string } {
  const heard = heardOf(said.trim());
  return heard === '' ? {} : { heard };
}

/** A receiver may echo what it was sent, and the delivery must not show that. */
function withoutSecrets(said: string, address: string): string {
  const { pathname, search } = new URL(address);
  const parts = [pathname, search, ...pathname.split('/')].filter((part) => part.length > 5);
  return parts.reduce((words, part) => words.replaceAll(part, '…'), said);
}

const WORDS_BYTES_MAX = 1_024;

async function firstWords({ body }: FetchedAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= WORDS_BYTES_MAX) break;
  }
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, WORDS_BYTES_MAX));
}

/** Reads no further than the first bytes: after success an answer is of no use, and it may never end. */
function dropBody(answer: FetchedAnswer): void {
  const dropped = async () => {
    for await (const _chunk of answer.body ?? []) break;
  };
  dropped().catch(() => {});
}

const CAUSES_MAX = 5;

function reasonOf(error: unknown): string {
  for (let at = error, n = 0; at && n < CAUSES_MAX; at = (at as { cause?: unknown }).cause, n++) {
    if (at instanceof AddressRefused) return at.message;
    const { code } = at as { readonly code?: unknown };
    if (typeof code === 'string') return `the receiver cannot be reached (${code})`;
  }
  return 'the receiver cannot be reached (connection lost)';
}
