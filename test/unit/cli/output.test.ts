/** What the command line shows of an event. */

import { eventColumns } from '../../../cli/output.ts';

it('a change is shown with the calls that made it', () => {
  const event = {
    id: '1',
    at: '2026-03-01T09:00:00.000Z',
    correlationId: 'c1',
    correlationIds: ['c1'],
    kind: 'change.disable' as const,
    actor: { type: 'system' as const, id: null, name: 'scim-bridge' },
    outcome: 'success' as const,
    calls: [
      { method: 'GET', path: '/api/v4/users/7', status: 200, durationMs: 4 },
      { method: 'POST', path: '/api/v4/users/7/block', status: 201, durationMs: 9 },
    ],
  };
  expect(eventColumns.called?.(event)).toBe('GET /api/v4/users/7 200, POST /api/v4/users/7/block 201');
});
