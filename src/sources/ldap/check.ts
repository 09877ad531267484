/**
 * Checks whether the bridge may read this LDAP server: connects, signs in, and tests each base, attribute and right.
 */

import type { Filter } from 'ldapts';
import type { CallContext } from '../../connectors/connector.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Right, SourceDeps, SourceStatus } from '../source.ts';
import { idOf } from './mapping.ts';
import { normalDn } from './protocol/dn.ts';
import type { Entry } from './protocol/entry.ts';
import { CODE, isCertificateError, isCode } from './protocol/errors.ts';
import { filtersOf } from './reading.ts';
import type { LdapSettings } from './settings.ts';
import { demandBase, elsewhere, openTree, type Tree } from './tree.ts';

export async function checkLdap(
  settings: LdapSettings,
  deps: SourceDeps,
  context: CallContext,
): Promise<SourceStatus> {
  const self = { remoteId: null, identifiers: [settings.bindDn] };
  let tree: Tree;
  try {
    tree = await openTree(settings, deps, context);
  } catch (error) {
    const right = refusedConnection(error, settings);
    return { status: 'FAILED', details: [right], tenant: null, self };
  }
  try {
    const details = [signedIn(settings), ...(await rightsIn(tree, settings))];
    const status = details.every(({ granted }) => granted) ? 'OK' : 'FAILED';
    return { status, details, tenant: tenantOf(tree), self };
  } finally {
    tree.close();
  }
}

export function tenantOf({ server }: Tree): NonNullable<SourceStatus['tenant']> {
  const { kind, namingContext } = server;
  return { id: `${kind}:${normalDn(namingContext)}`, name: namingContext };
}

const granted = (right: string, message: string): Right => ({
  code: 'right_granted',
  right,
  granted: true,
  message,
});
const missing = (code: string, right: string, message: string): Right => ({
  code,
  right,
  granted: false,
  message,
});

function signedIn({ bindDn, tls }: LdapSettings): Right {
  const how = tls === 'none' ? 'over a connection that is not encrypted' : 'over an encrypted connection';
  return granted('BIND_DN', `${bindDn} can sign in, ${how}.`);
}

/** Something that an admin has to fix; an outage is thrown. */
function refusedConnection(error: unknown, { bindDn }: LdapSettings): Right {
  if (!(error instanceof RemoteError)) throw error;
  const message = `${error.message}.`;
  if (isCertificateError(error)) return missing('certificate', 'TLS', message);
  if (error.disposition === 'transient') throw error;
  if (isCode(error, CODE.strongerAuth, CODE.confidentiality)) return missing('not_encrypted', 'TLS', message);
  if (error.action === 'encrypt the connection') return missing('no_start_tls', 'TLS', message);
  if (isCode(error, CODE.invalidCredentials))
    return missing('bad_credential', 'BIND_DN', `${bindDn}: ${message}`);
  return missing(error.code ?? 'refused', error.action === 'sign in' ? 'BIND_DN' : 'URL', message);
}

async function rightsIn(tree: Tree, settings: LdapSettings): Promise<readonly Right[]> {
  const { preset, server } = tree;
  const { userFilter, groupFilter, rule } = filtersOf(settings, preset);
  const rights: Right[] = [];
  if (!server.canPage) {
    rights.push(
      missing(
        'no_paging',
        'paged results',
        'The server does not say that it reads page by page (control 1.2.840.113556.1.4.319): without it a part of the people would be read, and nobody would know.',
      ),
    );
  }
  for (const [key, base] of [
    ['USER_BASE', settings.userBase],
    ['GROUP_BASE', settings.groupBase],
  ] as const) {
    if (key === 'GROUP_BASE' && base === settings.userBase) continue;
    rights.push(await asked(() => demandBase(tree, base, key), key, `${key} ${base} can be read.`));
  }
  if (rights.some(({ granted: is }) => !is)) return rights;
  const attributes = [preset.idAttribute, ...(rule || preset.inactiveWhen ? [] : ['userAccountControl'])];
  const people = await sample(tree, { base: settings.userBase, filter: userFilter, attributes }, 'people');
  if ('granted' in people) return [...rights, people];
  rights.push(
    people.entries.length === 0
      ? missing(
          'nobody_found',
          'USER_FILTER',
          'Nobody is found below USER_BASE with USER_FILTER, or the account may not read people there: see both, and the rights of the account.',
        )
      : granted(
          'people',
          `People can be read, ${people.isAll ? `${people.entries.length} of them` : `more than ${people.entries.length}`}.`,
        ),
  );
  if (people.entries.length > 0) rights.push(...attributeRights(people.entries, tree, rule === null));
  if (people.elsewhere > 0) {
    rights.push(
      granted(
        'references',
        `${people.elsewhere} parts of the tree are on other servers and are not read: the bridge does not follow there with its password. Another connection can read each.`,
      ),
    );
  }
  const groups = await sample(
    tree,
    { base: settings.groupBase, filter: groupFilter, attributes: [preset.idAttribute] },
    'groups',
  );
  if ('granted' in groups) return [...rights, groups];
  rights.push(
    groups.entries.length === 0
      ? granted(
          'groups',
          'No group is found below GROUP_BASE with GROUP_FILTER. That is right where there are none.',
        )
      : granted(
          'groups',
          `Groups can be read, ${groups.isAll ? `${groups.entries.length} of them` : `more than ${groups.entries.length}`}.`,
        ),
  );
  return rights;
}

function attributeRights(
  entries: readonly Entry[],
  { preset }: Tree,
  byAccountControl: boolean,
): readonly Right[] {
  const attribute = (name: string, why: string, isShown: (entry: Entry) => boolean) =>
    entries.some(isShown)
      ? granted(name, `The attribute ${name} can be read.`)
      : missing(
          'attribute_not_shown',
          name,
          `The account may not read the attribute ${name}, ${why}: give it that right.`,
        );
  const id = attribute(
    preset.idAttribute,
    'by which the bridge knows people again',
    (entry) => idOf(entry, preset) !== null,
  );
  if (!byAccountControl) return [id];
  const control = attribute(
    'userAccountControl',
    'which says who is disabled',
    (entry) => entry.first('userAccountControl') !== null,
  );
  return [id, control];
}

/** Larger than the default limits of servers (500 and 1000): a server that cuts results off shows it here. */
const SAMPLE_MIN = 1_100;

interface Sample {
  readonly entries: readonly Entry[];
  readonly isAll: boolean;
  readonly elsewhere: number;
}

async function sample(
  tree: Tree,
  query: {
    readonly base: string;
    readonly filter: Filter;
    readonly attributes: readonly string[];
  },
  what: string,
): Promise<Sample | Right> {
  const entries: Entry[] = [];
  let references = 0;
  try {
    for await (const found of tree.pages({ ...query, scope: 'sub' }, `list ${what}`)) {
      entries.push(...found.entries);
      references += elsewhere(found);
      if (entries.length >= SAMPLE_MIN) return { entries, isAll: false, elsewhere: references };
    }
    return { entries, isAll: true, elsewhere: references };
  } catch (error) {
    return denied(error, what);
  }
}

async function asked(ask: () => Promise<void>, right: string, message: string): Promise<Right> {
  try {
    await ask();
    return granted(right, message);
  } catch (error) {
    return denied(error, right);
  }
}

function denied(error: unknown, right: string): Right {
  if (!(error instanceof RemoteError) || error.disposition === 'transient') throw error;
  return missing(error.code ?? 'refused', right, `${error.message}.`);
}
