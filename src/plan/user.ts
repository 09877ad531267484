/** The plan for one person on one store: the table "People" of docs/design.md, row by row. */

import type { AttributeChange, Op, Plan, Skip, UserChange } from '../model/change.ts';
import type { CommonSettings } from '../model/commonSettings.ts';
import type { Attributes, DesiredUser } from '../model/desired.ts';
import type { RemoteUser } from '../model/remote.ts';
import { attributeChanges, splitIdentity } from './attributes.ts';
import { ruleHold } from './ruleHold.ts';

export type DisabledBy = 'inactive' | 'gone' | 'hand' | 'locked';

export interface AccountLink {
  readonly remoteId: string;
  readonly state: 'enabled' | 'disabled' | 'invited' | 'removed';
  /** Null unless the state is `disabled`. */
  readonly disabledBy: DisabledBy | null;
  readonly applied: Attributes;
  readonly observed: Attributes;
}

export interface UserSituation {
  readonly desired: DesiredUser;
  readonly link: AccountLink | null;
  /** Without a link: the account under the person's identifier, null where there is none. */
  readonly account: RemoteUser | null;
  /** That account is linked to another person, who is still there. */
  readonly isTaken: boolean;
  readonly settings: CommonSettings;
  /** Target attributes of which an adopted account keeps its own value until the directory's changes. */
  readonly keptOnAdoption: readonly string[];
  /** Target attributes by which an account is found or signed in to. */
  readonly identityAttributes: readonly string[];
  readonly isProtected: boolean;
  /** Wanted values that another account has, by target attribute, each with why that stays so. */
  readonly takenKeys: ReadonlyMap<string, string>;
  /** Target attributes with a value that the account has only until the wanted one is free. */
  readonly temporary: readonly string[];
  /** `REMOVE_AFTER_DAYS` have passed since the account of a person who is gone was disabled. */
  readonly removalDue: boolean;
}

export function planUser(situation: UserSituation): Plan<UserChange> {
  const plan = new Drafting(situation);
  const linked = situation.link !== null && situation.link.state !== 'removed';
  if (!linked && situation.account !== null && situation.isTaken) {
    taken(plan, situation.account);
    return plan.finish();
  }
  switch (situation.desired.lifecycle) {
    case 'active':
      linked ? activeAndLinked(plan, situation.link as AccountLink) : activeWithoutLink(plan);
      break;
    case 'inactive':
      linked ? inactiveAndLinked(plan, situation.link as AccountLink) : inactiveWithoutLink(plan);
      break;
    case 'gone':
      if (linked) gone(plan, situation.link as AccountLink);
      break;
  }
  if (linked && situation.desired.lifecycle !== 'active') endTemporary(plan, situation.link as AccountLink);
  return plan.finish();
}

function taken(plan: Drafting, account: RemoteUser) {
  const why = `has the identifier of the account ${account.display}, which is linked to another person; unlink it there or correct the directory`;
  plan.skip('adopt', 'unsynced', why);
}

function activeWithoutLink(plan: Drafting) {
  const { desired, account, settings } = plan.situation;
  if (desired.identifier === null) {
    return plan.skip(
      'create',
      'unsynced',
      `has no ${identifierName(settings)}, so no account can be told to be theirs`,
    );
  }
  if (account === null) {
    if (!settings.createUsers)
      return plan.skip('create', 'unsynced', 'has no account there, and CREATE_USERS is off');
    return plan.add({
      op: 'create',
      subject: plan.subject,
      attributes: desired.attributes,
      identifier: desired.identifier,
    });
  }
  plan.add({ op: 'adopt', subject: plan.subject, remoteId: account.remoteId });
  if (account.state === 'locked') return plan.skip('enable', 'partiallySynced', LOCKED);
  if (account.state === 'disabled')
    plan.add({ op: 'enable', subject: plan.subject, remoteId: account.remoteId });
  update(plan, account.remoteId, keptAttributes(plan.situation), account.attributes);
}

/** What counts as applied from the moment of the adoption on. */
export function keptAttributes({
  desired,
  keptOnAdoption,
}: Pick<UserSituation, 'desired' | 'keptOnAdoption'>): Attributes {
  return Object.fromEntries(
    Object.entries(desired.attributes).filter(([name]) => keptOnAdoption.includes(name)),
  );
}

function activeAndLinked(plan: Drafting, link: AccountLink) {
  const { settings } = plan.situation;
  if (link.state === 'disabled') {
    const refusal = whyNotEnabled(link.disabledBy, settings);
    if (refusal) return plan.skip('enable', 'partiallySynced', refusal);
    plan.add({ op: 'enable', subject: plan.subject, remoteId: link.remoteId });
  }
  update(plan, link.remoteId, link.applied, link.observed);
}

const LOCKED = "is banned or blocked by the store's own directory; the bridge may not enable it";

function whyNotEnabled(disabledBy: DisabledBy | null, settings: CommonSettings): string | null {
  switch (disabledBy) {
    case 'inactive':
      return settings.disableUsers ? null : 'was disabled by the bridge, and DISABLE_USERS is off now';
    case 'gone':
      return settings.deprovisionUsers
        ? null
        : 'was deprovisioned by the bridge, and DEPROVISION_USERS is off now';
    case 'locked':
      return LOCKED;
    default:
      return 'was disabled there by hand; enable it there, or run a sync with repair';
  }
}

function update(plan: Drafting, remoteId: string, applied: Attributes, observed: Attributes) {
  const { desired, settings, temporary } = plan.situation;
  const attributes = withoutTaken(plan, attributeChanges(desired.attributes, applied, observed));
  const isDue = ({ name }: AttributeChange) => settings.updateUsers || temporary.includes(name);
  const due = attributes.filter(isDue);
  addUpdates(plan, remoteId, due, { applied, observed });
  const names = attributes.filter((attribute) => !isDue(attribute)).map(({ name }) => name);
  if (names.length > 0)
    plan.skip('update', 'partiallySynced', `${names.join(', ')} differ, and UPDATE_USERS is off`);
}

interface Known {
  readonly applied: Attributes;
  readonly observed: Attributes;
}

/** A temporary value goes by the same leave by which it came. */
function addUpdates(
  plan: Drafting,
  remoteId: string,
  attributes: readonly AttributeChange[],
  { applied, observed }: Known,
) {
  const { identityAttributes, temporary } = plan.situation;
  const identity = identityAttributes.filter((name) => !temporary.includes(name));
  const { harmless, replacing } = splitIdentity(attributes, identity, applied, observed);
  const base = { op: 'update', subject: plan.subject, remoteId } as const;
  if (harmless.length > 0) plan.add({ ...base, attributes: harmless });
  if (replacing.length > 0) plan.add({ ...base, attributes: replacing, replacesIdentity: true });
}

/** What another account has is said, and not sent again. */
function withoutTaken(plan: Drafting, attributes: readonly AttributeChange[]): readonly AttributeChange[] {
  const { takenKeys } = plan.situation;
  for (const { name } of attributes) {
    const why = takenKeys.get(name);
    if (why !== undefined) plan.skip('update', 'partiallySynced', why);
  }
  return attributes.filter(({ name }) => !takenKeys.has(name));
}

/** A temporary value goes, whatever became of the person meanwhile. */
function endTemporary(plan: Drafting, link: AccountLink) {
  const { desired, temporary } = plan.situation;
  if (plan.deletes) return;
  const wanted = Object.fromEntries(
    Object.entries(desired.attributes).filter(([name]) => temporary.includes(name)),
  );
  const attributes = withoutTaken(plan, attributeChanges(wanted, link.applied, link.observed));
  if (attributes.length > 0)
    plan.add({ op: 'update', subject: plan.subject, remoteId: link.remoteId, attributes });
}

function inactiveWithoutLink(plan: Drafting) {
  const { account } = plan.situation;
  if (account?.state !== 'enabled') return;
  const refusal = whyNotDisabled(plan);
  if (refusal) return plan.skip('disable', 'partiallySynced', refusal);
  plan.add({ op: 'adopt', subject: plan.subject, remoteId: account.remoteId });
  plan.add({ op: 'disable', subject: plan.subject, remoteId: account.remoteId });
}

function inactiveAndLinked(plan: Drafting, link: AccountLink) {
  if (link.state === 'disabled') return;
  const refusal = whyNotDisabled(plan);
  if (refusal) return plan.skip('disable', 'partiallySynced', refusal);
  plan.add({ op: 'disable', subject: plan.subject, remoteId: link.remoteId });
}

function whyNotDisabled({ situation }: Drafting): string | null {
  if (!situation.settings.disableUsers) return 'is inactive in the directory, and DISABLE_USERS is off';
  return situation.isProtected ? PROTECTED : null;
}

const PROTECTED = 'is a protected account';

function gone(plan: Drafting, link: AccountLink) {
  const { settings, isProtected } = plan.situation;
  const op = removal(plan.situation, link);
  if (op === 'disable' && link.state === 'disabled') return;
  if (!settings.deprovisionUsers) {
    const why = plan.situation.desired.outOfScope ? 'is out of scope' : 'is gone from the directory';
    return plan.skip(op, 'unsynced', `${why}, and DEPROVISION_USERS is off`);
  }
  if (isProtected) return plan.skip(op, 'partiallySynced', PROTECTED);
  const { departedFrom } = plan.situation.desired;
  const hold = departedFrom === undefined ? {} : { hold: ruleHold(departedFrom) };
  plan.add({ op, subject: plan.subject, remoteId: link.remoteId, ...hold });
}

/** A deletion that waits disables first, and counts from then on. */
function removal({ settings, removalDue }: UserSituation, link: AccountLink): 'delete' | 'disable' {
  if (settings.removeAction === 'Disable') return 'disable';
  if (settings.removeAfterDays === 0) return 'delete';
  return link.state === 'disabled' && removalDue ? 'delete' : 'disable';
}

function identifierName(settings: CommonSettings): string {
  return settings.uniqueUserIdentifier === 'primaryEmail' ? 'primary email' : 'userName';
}

/** Collects the changes and skips of one plan. */
class Drafting {
  readonly situation: UserSituation;
  readonly subject: UserChange['subject'];
  readonly #changes: UserChange[] = [];
  readonly #skipped: Skip[] = [];

  constructor(situation: UserSituation) {
    this.situation = situation;
    const { id, display } = situation.desired;
    this.subject = { kind: 'user', id, display };
  }

  add(change: UserChange) {
    this.#changes.push(change);
  }

  skip(op: Op, status: Skip['status'], reason: string) {
    this.#skipped.push({ op, subject: this.subject, reason: `${this.subject.display} ${reason}`, status });
  }

  get deletes(): boolean {
    return this.#changes.some(({ op }) => op === 'delete');
  }

  finish(): Plan<UserChange> {
    return { changes: this.#changes, skipped: this.#skipped };
  }
}
