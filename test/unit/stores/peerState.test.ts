/** Why a peer is paused after a check. */

import type { Peer } from '../../../src/model/peer.ts';
import { afterCheck, UNPAUSED } from '../../../src/stores/peerState.ts';

it('names the rights that are missing, and not those that were granted', () => {
  const peer = { name: 'LDAP', tenantId: null, ...UNPAUSED } as Peer;
  const right = (code: string, granted: boolean) => ({ code, message: `${code}.`, right: code, granted });
  const details = [right('signs in', true), right('no base', false), right('groups', true)];
  const { paused } = afterCheck(peer, { outcome: 'refused', details, calls: [] }, 0);
  expect(paused).toEqual({ code: 'invalid_credential', message: 'no base.' });
});
