/**
 * An answer to a creation that shows another account or group than was asked for: it does not say what became of the
 * call.
 */

import type { Applied } from '../../connectors/connector.ts';
import type { Change } from '../../model/change.ts';
import type { Attributes } from '../../model/desired.ts';
import { RemoteError } from '../../model/errors.ts';
import { isSame } from '../../model/remote.ts';
import type { Attempt } from '../attempt.ts';
import { markedAttributes } from '../situation.ts';

/** @throws RemoteError, and then nothing is linked. The next look finds what was made under the wanted name. */
export function refuseAnothers({ context }: Attempt, change: Change, applied: Applied | null): void {
  if (change.op !== 'create' || !applied?.observed) return;
  const { observed, sent } = applied;
  const isUser = observed.kind === 'user';
  const asked: Attributes = { ...change.attributes, ...sent };
  const shown: Attributes = isUser ? observed.attributes : { name: observed.name };
  const keys = isUser ? markedAttributes(context, 'identity') : ['name'];
  const compared = keys.filter((key) => asked[key] && shown[key]);
  if (compared.length === 0 || compared.some((key) => isSame(asked[key] ?? '', shown[key] ?? ''))) return;
  const { name, type } = context.store;
  const action = `create ${change.identifier}`;
  const message = `${name} answered with ${observed.display} when asked to ${action}, which is another one: what became of it is looked up`;
  throw new RemoteError(message, {
    ...{ store: type, action, code: 'another_one' },
    disposition: 'unknownOutcome',
    unrecognised: true,
  });
}
