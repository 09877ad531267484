/**
 * Judges the answers of vendors. For each call a connector lists the answers that the vendor documents, by status and
 * body. Any other answer comes from a proxy, a firewall or a sign-in page, and proves nothing. Pure, and the same for
 * every vendor.
 */

import { type Disposition, RemoteError } from '../model/errors.ts';

export interface Answer {
  /** The URL that the bridge asked. */
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly retryAfterMs?: number | undefined;
}

/** A body by its form: JSON, empty, or anything else. */
export type Body = { readonly is: 'json'; readonly value: unknown } | { readonly is: 'empty' | 'other' };

/** Reads a body of the documented form; undefined for any other. */
export type Shape<T> = (body: Body) => T | undefined;

/** The answers that a vendor documents for one call. */
export interface DocumentedAnswers<Done, Refusal> {
  /** By status. */
  readonly done: Readonly<Partial<Record<number, Shape<Done>>>>;
  /** Reads the vendor's own error; undefined where the vendor documents no such answer for this call. */
  refusal(status: number, body: Body): Refusal | undefined;
}

export type Judgement<Done, Refusal> =
  | { readonly is: 'done'; readonly value: Done }
  /** The vendor refused, or could not do it, in its own words. */
  | { readonly is: 'refused'; readonly refusal: Refusal }
  /** 413: the request has too many entries at once. Nothing was done, whoever answered. */
  | { readonly is: 'tooLarge' }
  /** 414 and 431: this request will never pass. Nothing was done, whoever answered. */
  | { readonly is: 'tooLong' }
  /** A server or a gateway failed, and the answer does not hold the vendor's words. */
  | { readonly is: 'outage' }
  /** The answer is not the vendor's. `what` describes it and quotes nothing of it; `heard` does quote it. */
  | { readonly is: 'unrecognised'; readonly what: string; readonly heard?: string };

export function judge<Done, Refusal>(
  documented: DocumentedAnswers<Done, Refusal>,
  answer: Answer,
): Judgement<Done, Refusal> {
  const { status } = answer;
  if (status === 413) return { is: 'tooLarge' };
  if (status === 414 || status === 431) return { is: 'tooLong' };
  // "Not now", whether the vendor or a proxy says it.
  if (status === 429 || status === 408) return { is: 'outage' };
  const body = bodyOf(answer.text);
  const value = documented.done[status]?.(body);
  if (value !== undefined) return { is: 'done', value };
  const refusal = status >= 400 ? documented.refusal(status, body) : undefined;
  if (refusal !== undefined) return { is: 'refused', refusal };
  if (status >= 500) return { is: 'outage' };
  return { is: 'unrecognised', what: whatCame(answer, body), ...elsewhere(answer) };
}

function bodyOf(text: string): Body {
  if (text.trim() === '') return { is: 'empty' };
  try {
    return { is: 'json', value: JSON.parse(text) };
  } catch {
    return { is: 'other' };
  }
}

function whatCame({ text, headers }: Answer, body: Body): string {
  if (headers.has('location')) return 'a redirect';
  if (body.is === 'empty') return 'nothing';
  if (body.is === 'json') return 'JSON of another shape';
  if (/^\s*</.test(text)) return 'a page';
  return /^\s*[[{"]/.test(text) ? 'JSON that breaks off' : 'a text';
}

/** The bridge never follows a redirect: it would take the credential along. */
function elsewhere({ url, headers }: Answer): { readonly heard?: string } {
  const location = headers.get('location') ?? '';
  if (!URL.canParse(location, url)) return {};
  const { origin } = new URL(location, url);
  return origin === new URL(url).origin ? {} : { heard: `redirects to ${heardOf(origin)}: enter that` };
}

const HEARD_LENGTH_MAX = 80;

/** How much of an unrecognised answer people get to read. */
export function heardOf(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, HEARD_LENGTH_MAX);
}

/** An empty body. */
export const nothing: Shape<null> = (body) => (body.is === 'empty' ? null : undefined);

/** A JSON object that `read` understands; undefined where it is not as documented. */
export function object<T>(read: (value: Readonly<Record<string, unknown>>) => T | undefined): Shape<T> {
  return (body) => {
    if (body.is !== 'json' || typeof body.value !== 'object') return undefined;
    if (body.value === null || Array.isArray(body.value)) return undefined;
    return read(body.value as Record<string, unknown>);
  };
}

/** Describes a call, for its errors. */
export interface Asked {
  /** The store's type. */
  readonly store: string;
  /** The vendor's name, for people. */
  readonly vendor: string;
  /** In words: "disable user U123". */
  readonly action: string;
  /** True where the outcome is unknown if the answer is lost. */
  readonly writes: boolean;
}

type Undone = Exclude<Judgement<never, never>, { readonly is: 'done' | 'refused' }>;

/** The error for an answer that does not hold the vendor's words. */
export function undoneError(judgement: Undone, asked: Asked, { status, retryAfterMs }: Answer): RemoteError {
  const { store, vendor, action, writes } = asked;
  const error = (
    message: string,
    disposition: Disposition,
    code: string,
    more: { unrecognised?: true; heard?: string | undefined; splits?: true } = {},
  ) => new RemoteError(message, { store, action, status, disposition, code, retryAfterMs, ...more });
  const unsure = writes ? 'unknownOutcome' : 'transient';
  switch (judgement.is) {
    case 'tooLarge':
      return error(`The request to ${action} is larger than ${vendor} takes`, 'rejected', 'too_large', {
        splits: true,
      });
    case 'tooLong':
      return error(`The request to ${action} is longer than ${vendor} takes`, 'rejected', 'too_long');
    case 'outage':
      return error(
        `${vendor} was out of order when asked to ${action}: HTTP ${status}`,
        unsure,
        `http_${status}`,
      );
    case 'unrecognised': {
      const message = `What answers for ${vendor} answered something that is not ${vendor}'s when asked to ${action}: ${judgement.what}, with HTTP ${status}`;
      const { heard } = judgement;
      return error(message, unsure, UNRECOGNISED, { unrecognised: true, heard });
    }
  }
}

export const UNRECOGNISED = 'unrecognised_answer';
