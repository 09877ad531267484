/**
 * The one suite that every connector passes. It speaks of no vendor: what differs between store types is
 * in the `ConnectorWorld` that a store type's test file builds.
 */

import { registerAnswers } from './answers.ts';
import { registerFailures } from './failures.ts';
import { registerGroups } from './groups.ts';
import { registerPeople } from './people.ts';
import type { ConnectorWorld } from './world.ts';

/**
 * `open` makes a fresh world; the suite opens one for each test and closes it afterwards. A type that
 * calls no vendor has none of a vendor's failures: it sets `callsVendor` to false.
 */
export function describeConnector(
  name: string,
  open: () => Promise<ConnectorWorld>,
  { callsVendor = true }: { readonly callsVendor?: boolean } = {},
): void {
  describe(`${name} as a connector`, () => {
    let current: ConnectorWorld | null = null;
    const world = (): ConnectorWorld => {
      if (!current) throw new Error('a world exists inside tests only');
      return current;
    };

    beforeEach(async () => {
      current = await open();
    });

    afterEach(async () => {
      await current?.close();
      current = null;
    });

    describe('people', () => registerPeople(world));
    describe('groups', () => registerGroups(world));
    if (callsVendor) {
      describe('failures', () => registerFailures(world));
      describe('answers', () => registerAnswers(world));
    }
  });
}
