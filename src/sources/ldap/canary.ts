/**
 * An account that loses its rights reads nothing and gets no error. So it must still see itself when a reading ends.
 */

import { RemoteError } from '../../model/errors.ts';
import { isDn } from './protocol/dn.ts';
import { CODE, isCode } from './protocol/errors.ts';
import { NO_ATTRIBUTES } from './server.ts';
import type { LdapSettings } from './settings.ts';
import { demandBase, type Tree } from './tree.ts';

export interface Canary {
  /** Throws where the account no longer sees what it saw at first. */
  demand(): Promise<void>;
}

export async function createCanary(tree: Tree, { bindDn, userBase }: LdapSettings): Promise<Canary> {
  const seesItself = async () => {
    // Active Directory also accepts other names for signing in, but they find no entry.
    if (!isDn(bindDn)) return false;
    try {
      await tree.entry(bindDn, NO_ATTRIBUTES, 'read its own entry');
      return true;
    } catch (error) {
      if (isCode(error, CODE.noSuchObject, CODE.insufficientAccess)) return false;
      throw error;
    }
  };
  const atFirst = await seesItself();
  return {
    async demand() {
      await demandBase(tree, userBase, 'USER_BASE');
      if (!atFirst || (await seesItself())) return;
      const message = `${bindDn} could see its own entry when the reading began and cannot any more: it has lost its rights meanwhile, and nothing is taken from what was read`;
      throw new RemoteError(message, {
        ...{ store: 'LDAP', action: 'read its own entry', disposition: 'forbidden', code: 'rights_lost' },
      });
    },
  };
}
