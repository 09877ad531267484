/** The settings that every pulled directory has. */

import type { Configuration, SettingSpec } from '../model/settings.ts';

export const SOURCE_SPECS = [
  {
    key: 'BRAKE_PERCENT',
    type: 'integer',
    default: 5,
    min: 0,
    max: 100,
    description:
      'A run that would deactivate or remove more people than this share of the active ones, and more than BRAKE_MIN, or replace the userName or address of as many, is held until somebody decides. 100 switches it off.',
  },
  {
    key: 'BRAKE_MIN',
    type: 'integer',
    default: 10,
    min: 0,
    max: 1_000_000,
    description: 'As many people may leave in one run, whatever BRAKE_PERCENT says.',
  },
  {
    key: 'CA_PEM',
    type: 'string',
    lines: true,
    description: 'Certificates of a private authority, in PEM form, which alone is trusted then.',
  },
  {
    key: 'PROXY_URL',
    type: 'url',
    description:
      'A proxy that this directory is called through. Without it that of the process is, where there is one (HTTPS_PROXY, NO_PROXY).',
  },
] as const satisfies readonly SettingSpec[];

/** Refuses text after host and port in the address of a vendor's API: the bridge would not call it. */
export function originMistakes(configuration: Configuration, key: string): { key: string; detail: string }[] {
  const entered = configuration[key];
  const url = typeof entered === 'string' && URL.canParse(entered) ? new URL(entered) : null;
  if (!url || url.href === `${url.origin}/`) return [];
  return [{ key, detail: `${key} must end after host and port: enter ${url.origin}` }];
}
