/** The settings of a connection of strategy `oktaApi`. */

import type { Configuration, SettingSpec } from '../../model/settings.ts';
import { settingsOf } from '../../model/settings.ts';
import { readSigningKey, type SigningKey } from '../jwt.ts';
import { originMistakes, SOURCE_SPECS } from '../settings.ts';

export const OKTA_SPECS = [
  {
    key: 'ORG_URL',
    type: 'url',
    required: true,
    description: 'Where the Okta organisation is: https://example.okta.com, without -admin.',
  },
  {
    key: 'CLIENT_ID',
    type: 'string',
    description: 'The client id of an app integration of type API Services.',
  },
  {
    key: 'PRIVATE_KEY',
    type: 'string',
    secret: true,
    lines: true,
    description: "The private half of one of the app's public keys: in PEM form, or as a JWK.",
  },
  {
    key: 'KEY_ID',
    type: 'string',
    description: 'The id (kid) that Okta shows beside that public key. A JWK may name it itself.',
  },
  {
    key: 'API_TOKEN',
    type: 'string',
    secret: true,
    description:
      'Instead of an app: an API token of a read-only administrator. It ends with that person, and when nobody uses it.',
  },
  ...SOURCE_SPECS,
] as const satisfies readonly SettingSpec[];

export type OktaCredential =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'app'; readonly clientId: string; readonly keyId: string; readonly key: SigningKey };

export interface OktaSettings {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly credential: OktaCredential;
}

/** The configuration must have passed `refuseOkta`. */
export function oktaSettings(configuration: Configuration): OktaSettings {
  const { orgUrl, clientId, privateKey, keyId, apiToken } = settingsOf(OKTA_SPECS, configuration);
  const { origin } = new URL(orgUrl.trim());
  if (apiToken !== null) return { origin, credential: { kind: 'token', token: apiToken.trim() } };
  const key = readSigningKey(privateKey ?? '');
  const id = keyId?.trim() || key?.keyId;
  if (!clientId || !key || !id) throw new Error('a configuration that was refused');
  return { origin, credential: { kind: 'app', clientId: clientId.trim(), keyId: id, key } };
}

export function refuseOkta(configuration: Configuration): { key: string; detail: string }[] {
  const { ORG_URL: orgUrl, CLIENT_ID: clientId, PRIVATE_KEY: privateKey, KEY_ID: keyId } = configuration;
  const mistakes: { key: string; detail: string }[] = [];
  const mistake = (key: string, detail: string) => mistakes.push({ key, detail });
  const console = typeof orgUrl === 'string' ? consoleOf(orgUrl) : null;
  if (console) mistake('ORG_URL', `ORG_URL is the address of Okta's admin console: enter ${console}`);
  else mistakes.push(...originMistakes(configuration, 'ORG_URL'));
  if (configuration.API_TOKEN !== undefined) {
    const both = ['CLIENT_ID', 'PRIVATE_KEY', 'KEY_ID'].find((key) => configuration[key] !== undefined);
    if (both) mistake(both, `${both} and API_TOKEN are two ways to sign in: enter one of them`);
    return mistakes;
  }
  if (clientId === undefined && privateKey === undefined) {
    mistake('CLIENT_ID', 'CLIENT_ID, PRIVATE_KEY and KEY_ID are required, or an API_TOKEN instead of them');
    return mistakes;
  }
  if (clientId === undefined) mistake('CLIENT_ID', 'CLIENT_ID is required with a PRIVATE_KEY');
  if (privateKey === undefined) {
    mistake(
      'PRIVATE_KEY',
      'PRIVATE_KEY is required with a CLIENT_ID: Okta takes no client secret for its API',
    );
    return mistakes;
  }
  const key = readSigningKey(String(privateKey));
  if (!key) mistake('PRIVATE_KEY', NOT_A_KEY);
  else if (!key.keyId && !keyId) {
    mistake('KEY_ID', 'KEY_ID is required: Okta shows it (KID) beside the public key of the app');
  }
  return mistakes;
}

const NOT_A_KEY =
  'PRIVATE_KEY must be an RSA key of at least 2048 bits, or one on the curve P-256: in PEM form, from -----BEGIN PRIVATE KEY----- on and without a passphrase, or a JWK';

/** The organisation's address, where an admin entered that of its console; otherwise null. */
function consoleOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { hostname } = new URL(url);
  const [, name, domain] =
    /^(.+)-admin\.((?:okta|oktapreview|okta-emea|okta-gov)\.com|okta\.mil)$/.exec(hostname) ?? [];
  return name === undefined ? null : `https://${name}.${domain}`;
}
