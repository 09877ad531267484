/** What a purge looks for is found in any case, also beyond ASCII, in plain text and in JSON, in any locale. */

import { appendEvent } from '../../../src/db/events.ts';
import { redactEvents } from '../../../src/db/identity/redaction.ts';
import { SYSTEM } from '../../../src/model/cause.ts';
import { onEachDatabase } from '../../database.ts';
import { AT, withStore } from './store.ts';

const SPAN = { environmentId: 'e', after: 0, size: 100 };

onEachDatabase((open) => {
  it.each([
    ['Änne', 'ÄNNE was here'],
    ['ÖZGE', 'asked by özge'],
    ['Iva "Öl" Šimić', 'IVA "öl" šIMIĆ'],
    ['back\\slash', 'Back\\Slash'],
  ])('finds %s in "%s"', async (needle, text) => {
    const db = await withStore(open);
    const event = {
      environmentId: 'e',
      cause: { correlationId: 'c', actor: SYSTEM },
      outcome: 'success' as const,
    };
    await appendEvent(db, AT, { ...event, kind: 'user.created', reason: text });
    await appendEvent(db, AT, { ...event, kind: 'user.created', after: { note: text } });
    await redactEvents(db, SPAN, [needle], (value) =>
      typeof value === 'string' ? 'gone' : { note: 'gone' },
    );
    const rows = await db('events').orderBy('id').select('reason', 'after');
    expect(JSON.stringify(rows)).not.toContain(text);
    expect(rows[0].reason).toBe('gone');
    expect(JSON.stringify(rows[1].after)).toContain('gone');
  });
});
