/** Whole histories in simulated time; docs/simulation.md says how. The other half is in `simulationOther.test.ts`. */

import { simulate, WITHIN_MS } from './simulate.ts';

it(
  'plays 100 histories to what the tables say',
  async () => {
    expect(await simulate('--seed', '1', '--histories', '100')).toMatch(/^100 histories, 0 failed, [1-9]/);
  },
  WITHIN_MS,
);

it(
  'plays a history the same way twice',
  async () => {
    const trace = () => simulate('--seed', '1', '--history', '17', '--trace');
    const withoutSeconds = (printed: string) => printed.replace(/, [\d.]+ s \(.*\)\n$/, '');
    expect(withoutSeconds(await trace())).toBe(withoutSeconds(await trace()));
  },
  WITHIN_MS,
);
