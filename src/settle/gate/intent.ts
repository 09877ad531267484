/** What an attempt writes down before its first call. Pure. */

import type { Intent } from '../../db/queue/queue.ts';
import type { Change } from '../../model/change.ts';
import type { LossOf } from '../../plan/losses.ts';

/** Null where no call is needed. `lossOf` says why an account is disabled. */
export function intentOf(changes: readonly Change[], lossOf: LossOf | null): Intent | null {
  const calling = changes.filter((change) => change.op !== 'adopt');
  if (calling.length === 0) return null;
  const attributes: Record<string, string> = {};
  for (const change of calling) {
    if (change.op === 'create') Object.assign(attributes, change.attributes);
    if (change.op === 'update') for (const { name, to } of change.attributes) attributes[name] = to;
  }
  const creation = calling.find((change) => change.op === 'create');
  const disabling = calling.find((change) => change.op === 'disable');
  const disabledBy = disabling && lossOf?.desired(disabling) === 'gone' ? 'gone' : 'inactive';
  return {
    ops: [...new Set(calling.map((change) => change.op))],
    attributes,
    ...(disabling ? { disabledBy } : {}),
    ...(creation ? { identifier: creation.identifier } : {}),
  };
}
