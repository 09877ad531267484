/**
 * Names that move in a circle among users, or groups, of a connection. One transaction first puts all of them aside,
 * so that each can take the name of the next. Nobody else ever sees that.
 */

import type { Kind } from '../../model/subject.ts';
import { chunks } from '../chunks.ts';
import { lower } from '../columns.ts';
import type { Db } from '../open.ts';

const NAMES = {
  user: { table: 'users', column: 'user_name_lower' },
  group: { table: 'groups', column: 'display_name_lower' },
} as const;

/** Part of a name that nobody can have, because the directory trims names. */
const ASIDE = '\n';

export interface NameHolder {
  readonly sourceId: string;
  /** A holder who no longer has this name is left alone. */
  readonly name: string;
}

export async function putNamesAside(
  tx: Db,
  connectionId: string,
  kind: Kind,
  holders: readonly NameHolder[],
): Promise<void> {
  const { table, column } = NAMES[kind];
  for (const { sourceId, name } of holders) {
    await tx(table)
      .where({ connection_id: connectionId, external_id: sourceId, [column]: lower(name) })
      .whereNull('deleted_at')
      .update({ [column]: `${ASIDE}${sourceId}` });
  }
}

/** Whether a name is still put aside; then the transaction must not commit. */
export async function anyNameAside(
  tx: Db,
  connectionId: string,
  kind: Kind,
  sourceIds: readonly string[],
): Promise<boolean> {
  const { table, column } = NAMES[kind];
  for (const some of chunks(sourceIds)) {
    const aside = some.map((id) => `${ASIDE}${id}`);
    const row = await tx(table).where({ connection_id: connectionId }).whereIn(column, aside).first('id');
    if (row) return true;
  }
  return false;
}
