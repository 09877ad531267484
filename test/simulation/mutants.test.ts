/** A guard that was moved takes its mutant along. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawHistory, hasTheme } from '../../simulation/history.ts';
import { MUTANTS, THEMES } from '../../simulation/mutants/list.ts';

it.each(MUTANTS)('$name stands once where it is taken out', ({ edits }) => {
  for (const { file, from } of edits) {
    const text = readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8');
    expect([file, text.split(from).length - 1]).toEqual([file, 1]);
  }
});

it.each(Object.entries(THEMES))('histories about %s miss guards that are there', (theme, names) => {
  expect(() => hasTheme(drawHistory('1', 0), theme)).not.toThrow();
  expect(MUTANTS.map(({ name }) => name)).toEqual(expect.arrayContaining([...names]));
});
