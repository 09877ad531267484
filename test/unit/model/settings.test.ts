/** The settings of a store, from their specs. */

import { commonSettings, commonSpecs } from '../../../src/model/commonSettings.ts';
import { type SettingSpec, settingsOf } from '../../../src/model/settings.ts';

const SPECS = [
  { key: 'TOKEN', type: 'string', required: true, description: '' },
  { key: 'SSO_PROVIDER', type: 'string', description: '' },
  { key: 'HOW_MANY', type: 'integer', default: 3, description: '' },
  { key: 'SIZE', type: 'string', default: 'small', allowed: ['small', 'large'], description: '' },
  { key: 'OLD_SIZE', type: 'string', aliasOf: 'SIZE', description: '' },
] as const satisfies readonly SettingSpec[];

it('gives each key that lasts its value, its default, or null', () => {
  const settings = settingsOf(SPECS, { TOKEN: 't', SIZE: 'large' });
  // The types follow from the specs: a wrong one would not compile.
  const typed: {
    token: string;
    ssoProvider: string | null;
    howMany: number;
    size: 'small' | 'large';
  } = settings;
  expect(typed).toEqual({ token: 't', ssoProvider: null, howMany: 3, size: 'large' });
});

it('knows of each common setting by the name of its key', () => {
  const specs = commonSpecs({ groupProvisioning: 'Match' });
  expect(settingsOf(specs, {})).toMatchObject({ createUsers: true, groupProvisioning: 'Match' });
  expect(commonSettings({ GROUP_PROVISIONING: 'Off', BRAKE_MIN: 3 })).toMatchObject({
    groupProvisioning: 'Off',
    brakeMin: 3,
    removeAction: 'Disable',
  });
});
