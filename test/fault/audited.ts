/** Every write that took effect at a vendor, held against the audit log. */

import type { LoggedRequest } from '../emulator/server.ts';
import { isWrite } from './world.ts';

export interface AuditEvent {
  readonly kind: string;
  readonly reason: string | null;
  readonly subject: { readonly display: string | null } | null;
  readonly after: unknown;
  readonly calls: readonly { readonly method: string; readonly path: string }[] | null;
}

export const tookEffect = (request: LoggedRequest) =>
  isWrite(request) && request.applied && request.status >= 200 && request.status <= 299;

/** Whose path says nothing of what was made. */
const isCreation = ({ method, path }: LoggedRequest) => method === 'POST' && /\/(users|groups)$/i.test(path);

/** `aliasesOf`: under which words the target of a write may be found in an event. */
export function expectAudited(
  requests: readonly LoggedRequest[],
  events: readonly AuditEvent[],
  aliasesOf: (request: LoggedRequest) => readonly string[],
): number {
  const textOf = ({ subject, after }: AuditEvent) => JSON.stringify([subject, after]);
  const names = (text: string, request: LoggedRequest) =>
    aliasesOf(request).some((alias) => text.includes(alias));
  const heard = events.flatMap((event) =>
    (event.calls ?? []).map(({ method, path }) => ({ method, path, text: textOf(event) })),
  );
  const found = events.filter(({ reason }) => reason?.startsWith('found done')).map(textOf);
  const unanswered = requests.filter(tookEffect).filter((request) => {
    const at = heard.findIndex(
      ({ method, path, text }) =>
        method === request.method && path === request.path && (!isCreation(request) || names(text, request)),
    );
    if (at >= 0) heard.splice(at, 1);
    return at < 0;
  });
  const missing = unanswered.filter((request) => !found.some((text) => names(text, request)));
  expect(missing.map(({ method, path, body }) => ({ method, path, body }))).toEqual([]);
  return unanswered.length;
}
