/** What LDAP result codes (RFC 4511 appendix A) and broken connections mean to the bridge. */

import { heardOf } from '../../../connectors/answers.ts';
import { AddressRefused } from '../../../connectors/connector.ts';
import { type Disposition, RemoteError, type RemoteErrorFields } from '../../../model/errors.ts';

export const STORE = 'LDAP';

export const CODE = {
  success: 0,
  operationsError: 1,
  timeLimit: 3,
  sizeLimit: 4,
  compareFalse: 5,
  compareTrue: 6,
  strongerAuth: 8,
  referral: 10,
  adminLimit: 11,
  noPaging: 12,
  confidentiality: 13,
  noSuchAttribute: 16,
  undefinedAttribute: 17,
  noSuchObject: 32,
  invalidCredentials: 49,
  insufficientAccess: 50,
  busy: 51,
  unavailable: 52,
} as const;

const DISPOSITIONS: Readonly<Record<number, Disposition>> = {
  // Active Directory's answer on a connection that has lost its bind.
  [CODE.operationsError]: 'transient',
  [CODE.timeLimit]: 'transient',
  [CODE.strongerAuth]: 'unauthorized',
  [CODE.confidentiality]: 'unauthorized',
  [CODE.noSuchObject]: 'missing',
  [CODE.invalidCredentials]: 'unauthorized',
  [CODE.insufficientAccess]: 'forbidden',
  [CODE.busy]: 'transient',
  [CODE.unavailable]: 'transient',
};

const ADVICE: Readonly<Record<number, string>> = {
  [CODE.sizeLimit]:
    'the server shows this account only so many entries: give it a limit of its own (OpenLDAP: limits dn.exact="<BIND_DN>" size=unlimited size.prtotal=unlimited)',
  [CODE.strongerAuth]: 'the server wants an encrypted connection: set TLS to ldaps or startTls',
  [CODE.referral]: 'the server says that another server has this part of the tree: enter that one as URL',
  [CODE.noPaging]: 'the server cannot read page by page (control 1.2.840.113556.1.4.319)',
  [CODE.confidentiality]: 'the server wants an encrypted connection: set TLS to ldaps or startTls',
  [CODE.noSuchObject]: 'there is no such entry, or this account cannot see it',
  [CODE.insufficientAccess]: 'this account may not read there',
};

/** The codes after "data" in Active Directory's text for a refused bind. */
const AD_REASONS: Readonly<Record<string, string>> = {
  '525': 'there is no such account',
  '52e': 'the password is wrong',
  '530': 'the account may not sign in at this time',
  '531': 'the account may not sign in from this machine',
  '532': 'the password has expired',
  '533': 'the account is disabled',
  '701': 'the account has expired',
  '773': 'the password must be changed first',
  '775': 'the account is locked out',
};

/** There is no such entry, or the account may not see it. */
export class NoSuchEntry extends RemoteError {
  /** The DN of the lowest entry above it that the server names (RFC 4511 §4.1.9); empty where it names none. */
  readonly matched: string;

  constructor(message: string, fields: RemoteErrorFields, matched: string) {
    super(message, fields);
    this.matched = matched;
  }
}

export function resultError(code: number, words: string, action: string, matched = ''): RemoteError {
  const reason = code === CODE.invalidCredentials ? bindReason(words) : ADVICE[code];
  const said = heardOf(words);
  const because = reason ?? (said === '' ? 'it gave no reason' : said);
  const message = `The LDAP server refused to ${action} (result code ${code}): ${because}`;
  const disposition = DISPOSITIONS[code] ?? 'rejected';
  const fields = { store: STORE, action, code: `ldap_${code}`, disposition };
  return code === CODE.noSuchObject
    ? new NoSuchEntry(message, fields, matched)
    : new RemoteError(message, fields);
}

function bindReason(words: string): string {
  const [, data = ''] = /\bdata ([0-9a-f]{3}),?/i.exec(words) ?? [];
  return (
    AD_REASONS[data.toLowerCase()] ?? 'BIND_DN or BIND_PASSWORD is wrong, or the account may not sign in'
  );
}

export function isCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof RemoteError && codes.some((code) => error.code === `ldap_${code}`);
}

/** The server is not the one that the settings name, or cannot prove that it is. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the server's certificate is for another name: enter as URL the name that is in the certificate",
  CERT_HAS_EXPIRED: "the server's certificate has expired: renew it there",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet: compare the clocks",
  ...Object.fromEntries(
    [
      ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      ...[
        'UNABLE_TO_GET_ISSUER_CERT',
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        'CERT_SIGNATURE_FAILURE',
        'CERT_UNTRUSTED',
      ],
    ].map((code) => [
      code,
      "nobody whom the bridge trusts signed the server's certificate: enter your authority's certificate as CA_PEM",
    ]),
  ),
};

export function isCertificateError({ code }: RemoteError): boolean {
  return code !== undefined && code in CERTIFICATE;
}

/** For a connection that failed or broke. */
export function connectionError(error: unknown, action: string): RemoteError {
  if (error instanceof RemoteError) return error;
  if (error instanceof AddressRefused) {
    return new RemoteError(`The LDAP server cannot be asked to ${action}: ${error.message}`, {
      ...{ store: STORE, action, code: error.code, disposition: 'unauthorized' },
    });
  }
  const code = codeOf(error);
  const why = CERTIFICATE[code] ?? code;
  return new RemoteError(`The LDAP server gave no answer to ${action} (${why})`, {
    ...{ store: STORE, action, code, disposition: 'transient', cause: error },
  });
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'connection lost';
}

/** The answer is not LDAP: a web server or a proxy sent it. */
export function unrecognised(action: string): RemoteError {
  return new RemoteError(
    `What answers for the LDAP server answered something that is not LDAP when asked to ${action}`,
    {
      ...{ store: STORE, action, disposition: 'transient', code: 'unrecognised_answer', unrecognised: true },
    },
  );
}
