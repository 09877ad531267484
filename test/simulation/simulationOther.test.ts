/** The other half of the histories of `simulation.test.ts`: a file of its own, so that two workers share them. */

import { simulate, WITHIN_MS } from './simulate.ts';

it(
  'plays 100 more histories to what the tables say',
  async () => {
    const printed = await simulate('--seed', '1', '--from', '100', '--histories', '100');
    expect(printed).toMatch(/^100 histories, 0 failed, [1-9]/);
  },
  WITHIN_MS,
);
