/** The settings of a connection of strategy `google`. */

import { type Configuration, type SettingSpec, settingsOf } from '../../model/settings.ts';
import { readSigningKey, type SigningKey } from '../jwt.ts';
import { originMistakes, SOURCE_SPECS } from '../settings.ts';

export const GOOGLE_SPECS = [
  {
    key: 'SERVICE_ACCOUNT_KEY',
    type: 'string',
    required: true,
    secret: true,
    lines: true,
    description: 'The JSON key of a service account whose client id has domain-wide delegation.',
  },
  {
    key: 'SUBJECT',
    type: 'string',
    required: true,
    description: 'The address of the administrator as whom the bridge reads; best one of its own.',
  },
  {
    key: 'CUSTOMER',
    type: 'string',
    default: 'my_customer',
    description: "The customer id, or my_customer for that of SUBJECT's account.",
  },
  {
    key: 'API_BASE_URL',
    type: 'url',
    default: 'https://admin.googleapis.com',
    description: 'Where the Admin SDK is, without a path.',
  },
  {
    key: 'TOKEN_URL',
    type: 'url',
    default: 'https://oauth2.googleapis.com/token',
    description: 'Where tokens are given out; the aud of what the bridge signs.',
  },
  ...SOURCE_SPECS,
] as const satisfies readonly SettingSpec[];

export interface GoogleSettings {
  readonly account: ServiceAccount;
  readonly subject: string;
  readonly customer: string;
  readonly origin: string;
  readonly tokenUrl: string;
}

export interface ServiceAccount {
  readonly email: string;
  /** The number that the Google admin enters for domain-wide delegation. */
  readonly clientId: string | null;
  readonly keyId: string | null;
  readonly key: SigningKey;
}

/** The configuration must have passed `refuseGoogle`. */
export function googleSettings(configuration: Configuration): GoogleSettings {
  const settings = settingsOf(GOOGLE_SPECS, configuration);
  const account = readAccount(settings.serviceAccountKey);
  if (typeof account === 'string') throw new Error('a configuration that was refused');
  return {
    account,
    subject: settings.subject.trim(),
    customer: settings.customer.trim(),
    origin: new URL(settings.apiBaseUrl.trim()).origin,
    tokenUrl: settings.tokenUrl.trim(),
  };
}

export function refuseGoogle(configuration: Configuration): { key: string; detail: string }[] {
  const { SERVICE_ACCOUNT_KEY: given, SUBJECT: subject } = configuration;
  const mistakes = originMistakes(configuration, 'API_BASE_URL');
  const account = typeof given === 'string' ? readAccount(given) : null;
  if (typeof account === 'string') mistakes.push({ key: 'SERVICE_ACCOUNT_KEY', detail: account });
  if (typeof subject === 'string' && !/^[^\s@]+@[^\s@]+$/.test(subject.trim())) {
    mistakes.push({
      key: 'SUBJECT',
      detail: 'SUBJECT must be the address of an administrator: reader@example.com',
    });
  } else if (typeof subject === 'string' && /\.gserviceaccount\.com$/i.test(subject.trim())) {
    const detail =
      'SUBJECT is a service account: enter the address of an administrator as whom it is to read';
    mistakes.push({ key: 'SUBJECT', detail });
  }
  return mistakes;
}

/** The account, or the mistake in the text; the text itself appears in no message. */
function readAccount(text: string): ServiceAccount | string {
  const wrong =
    'SERVICE_ACCOUNT_KEY must be the whole JSON file that Google made for a key of the service account, from { to }';
  let file: Readonly<Record<string, unknown>>;
  try {
    file = JSON.parse(text);
  } catch {
    return wrong;
  }
  const {
    type,
    client_email: email,
    client_id: clientId,
    private_key: pem,
    private_key_id: keyId,
  } = file ?? {};
  if (type !== undefined && type !== 'service_account') {
    return `SERVICE_ACCOUNT_KEY is a key of another kind (${String(type).slice(0, 40)}): make one of type JSON for a service account`;
  }
  const key = typeof pem === 'string' ? readSigningKey(pem) : null;
  if (typeof email !== 'string' || email === '' || !key) return wrong;
  const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  return { email, clientId: textOf(clientId), keyId: textOf(keyId), key };
}
