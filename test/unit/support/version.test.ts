/** The version that upgrades are told by. */

import packageJson from '../../../package.json' with { type: 'json' };
import { VERSION } from '../../../src/support/version.ts';

it('is the one of the package', () => {
  expect(VERSION).toBe(packageJson.version);
});
