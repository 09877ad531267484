/** SCIM PATCH as Slack's version 2 understands it: lower-case operations, a path for each. */

import { ENTERPRISE, ScimRefusal } from './answers.ts';
import type { MultiValue, SlackGroup, SlackUser, SlackWorkspace } from './state.ts';
import {
  ENTERPRISE_ATTRIBUTES,
  multiValues,
  PROFILE_ATTRIBUTES,
  setDisplayName,
  setEmails,
  setManager,
  setName,
  setProfile,
  setUserName,
  text,
} from './users.ts';

export interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value: unknown;
}

const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export function readOperations(body: unknown): Operation[] {
  const { schemas, Operations } = (body ?? {}) as { schemas?: unknown; Operations?: unknown };
  if (!Array.isArray(schemas) || !schemas.includes(PATCH_SCHEMA)) {
    throw new ScimRefusal(400, 'missing_schema_element');
  }
  if (!Array.isArray(Operations) || Operations.length === 0) throw new ScimRefusal(400, 'missing_operations');
  return (Operations as Record<string, unknown>[]).map(({ op, path, value }) => {
    if (op !== 'add' && op !== 'replace' && op !== 'remove') throw new ScimRefusal(400, 'invalid_operation');
    if (typeof path !== 'string' || path === '') throw new ScimRefusal(400, 'missing_path');
    return { op, path, value };
  });
}

/** `active` is the caller's: it has consequences beyond the account. */
export function patchUser(workspace: SlackWorkspace, user: SlackUser, operation: Operation): void {
  const { op, path, value } = operation;
  const cleared = op === 'remove' ? '' : text(value);
  if (path === 'userName' || path === 'nickName') setUserName(workspace, user, cleared);
  else if (path === 'displayName') setDisplayName(workspace, user, cleared);
  else if (path === 'name.givenName') setName(user, 'givenName', cleared);
  else if (path === 'name.familyName') setName(user, 'familyName', cleared);
  else if (PROFILE_ATTRIBUTES.includes(path)) setProfile(workspace, user, path, cleared);
  else if (path.startsWith(ENTERPRISE)) patchEnterprise(workspace, user, operation, cleared);
  else if (path.startsWith('emails')) {
    if (op === 'remove') refuseRemovingPrimary(user, path);
    setEmails(workspace, user, patchValues(user.emails, 'emails', operation));
  } else if (path.startsWith('phoneNumbers')) {
    user.phoneNumbers = patchValues(user.phoneNumbers, 'phoneNumbers', operation);
  } else throw new ScimRefusal(400, `invalid_path (path=${path})`);
}

function patchEnterprise(
  workspace: SlackWorkspace,
  user: SlackUser,
  { path, op, value }: Operation,
  cleared: string,
): void {
  if (path === ENTERPRISE) {
    const { manager, ...others } = (op === 'remove' ? { manager: null } : value) as Record<string, unknown>;
    if (op === 'remove') user.enterprise = {};
    else Object.assign(user.enterprise, others);
    if (manager !== undefined) setManager(workspace, user, manager);
    return;
  }
  const attribute = path.slice(ENTERPRISE.length + 1);
  if (attribute === 'manager') {
    setManager(workspace, user, op === 'remove' ? null : value);
    return;
  }
  if (!ENTERPRISE_ATTRIBUTES.includes(attribute)) throw new ScimRefusal(400, `invalid_path (path=${path})`);
  user.enterprise[attribute] = cleared;
}

function refuseRemovingPrimary(user: SlackUser, path: string): void {
  const removed = selected(user.emails, 'emails', path).indexes;
  if (removed.some((index) => user.emails[index]?.primary)) {
    throw new ScimRefusal(400, 'missing_primary_email');
  }
}

/**
 * `replace` of the whole attribute adds to it, as Slack was seen to do; what is added as primary takes the
 * place of the one that was, as Slack documents for a new address.
 */
function patchValues(values: readonly MultiValue[], attribute: string, operation: Operation): MultiValue[] {
  const { indexes, sub, whole } = selected(values, attribute, operation.path);
  if (operation.op === 'remove') return values.filter((_, index) => !indexes.includes(index));
  if (whole) {
    const added = multiValues(operation.value);
    const isMoved = operation.op === 'add' && added.some(({ primary }) => primary);
    const kept = isMoved ? values.map((value) => ({ ...value, primary: false })) : values;
    return [...added.filter(({ primary }) => primary), ...kept, ...added.filter(({ primary }) => !primary)];
  }
  if (indexes.length === 0) throw new ScimRefusal(400, `no_target (path=${operation.path})`);
  const patched = values.map((entry) => ({ ...entry }));
  for (const index of indexes) {
    const entry = patched[index] as MultiValue;
    if (sub === 'value') entry.value = text(operation.value);
    else if (sub === 'primary') entry.primary = operation.value === true;
    else Object.assign(entry, operation.value);
  }
  return patched;
}

const SELECTION = /^(\w+)(?:\[(\w+) eq (.+?)\])?(?:\.(\w+))?$/;

function selected(values: readonly MultiValue[], attribute: string, path: string) {
  const [, name, key, literal, sub] = SELECTION.exec(path) ?? [];
  if (name !== attribute) throw new ScimRefusal(400, `invalid_path (path=${path})`);
  const wanted = literal === undefined ? undefined : literalValue(literal, path);
  const indexes = values.flatMap((entry, index) =>
    key === undefined || entry[key as keyof MultiValue] === wanted ? [index] : [],
  );
  return { indexes, sub, whole: key === undefined && sub === undefined };
}

function literalValue(literal: string, path: string): unknown {
  try {
    return JSON.parse(literal);
  } catch {
    throw new ScimRefusal(400, `invalid_path (path=${path})`);
  }
}

export function patchGroup(workspace: SlackWorkspace, group: SlackGroup, operation: Operation): void {
  const { op, path, value } = operation;
  if (path === 'displayName' && op !== 'remove') {
    renameGroup(workspace, group, text(value));
    return;
  }
  const one = /^members\[value eq (?:"([^"]*)"|(\w+))\]$/.exec(path)?.slice(1).find(Boolean);
  if (one !== undefined && op === 'remove') {
    group.members.delete(one);
    return;
  }
  if (path !== 'members') throw new ScimRefusal(400, `invalid_path (path=${path})`);
  const ids = multiValues(value).map((entry) => entry.value);
  if (op === 'remove') {
    // As the RFC has it, and as a careless client regrets: no value means all of them.
    if (ids.length === 0) group.members.clear();
    for (const id of ids) group.members.delete(id);
    return;
  }
  refuseNonMembers(workspace, ids);
  if (op === 'replace') group.members.clear();
  for (const id of ids) group.members.add(id);
}

const MEMBERS_PER_CALL_MAX = 15_000;

export function refuseNonMembers(workspace: SlackWorkspace, ids: readonly string[]): void {
  if (ids.length > MEMBERS_PER_CALL_MAX) throw new ScimRefusal(400, 'group_member_max_exceeded');
  for (const id of ids) {
    const user = workspace.users.get(id);
    // Slack does not say who it is.
    if (!user) throw new ScimRefusal(400, 'no_such_group_members');
    if (!user.active || user.isGuest) throw new ScimRefusal(400, 'unable_to_add_deleted_or_guest_to_group');
  }
}

export function renameGroup(workspace: SlackWorkspace, group: SlackGroup, displayName: string): void {
  if (displayName === '') throw new ScimRefusal(400, 'group_creation_failed');
  for (const other of workspace.groups.values()) {
    if (other.id !== group.id && other.displayName.toLowerCase() === displayName.toLowerCase()) {
      throw new ScimRefusal(409, 'group_creation_failed');
    }
  }
  group.displayName = displayName;
}
