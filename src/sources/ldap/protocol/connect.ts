/** Connects to the server in the settings, encrypted as they say, and signs in. */

import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SourceDeps } from '../../source.ts';
import type { LdapSettings } from '../settings.ts';
import { connectionError } from './errors.ts';
import { createSession, type Session } from './session.ts';

const CONNECT_WITHIN_MS = 10_000;

/** The address is judged and fixed first; the certificate must match the name in the settings. */
export async function openSession(
  settings: LdapSettings,
  deps: Pick<SourceDeps, 'addressOf'>,
  signal: AbortSignal,
): Promise<Session> {
  const { host, port, tls, caPem } = settings;
  const action = 'connect';
  const trust = {
    ...(caPem === null ? {} : { ca: caPem }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
  let session: Session | null = null;
  try {
    signal.throwIfAborted();
    const address = await deps.addressOf(host, tls === 'none' ? 'ldap:' : 'ldaps:');
    const socket =
      tls === 'ldaps'
        ? await ready(connectTls({ host: address, port, ...trust }), 'secureConnect', signal)
        : await ready(connectPlain({ host: address, port }), 'connect', signal);
    session = createSession(socket, signal);
    if (tls === 'startTls') {
      await session.startTls((plain) =>
        ready(connectTls({ socket: plain, host: address, ...trust }), 'secureConnect', signal),
      );
    }
    await session.bind(settings.bindDn, settings.bindPassword);
    return session;
  } catch (error) {
    session?.close();
    throw connectionError(error, action);
  }
}

/** Destroys the socket if it does not connect in time. */
function ready<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose).off(event, onReady);
      settle();
    };
    const fail = (error: unknown) =>
      done(() => {
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      });
    const coded = (code: string) => Object.assign(new Error(code), { code });
    const onError = (error: unknown) => fail(error);
    const onClose = () => fail(coded('connection lost'));
    const onAbort = () => fail(coded('aborted'));
    const onReady = () => done(() => resolve(socket));
    const timer = setTimeout(() => fail(coded('timeout')), CONNECT_WITHIN_MS);
    socket.once('error', onError).once('close', onClose).once(event, onReady);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
