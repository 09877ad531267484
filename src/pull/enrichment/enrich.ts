/**
 * Turns a staged scan of accounts into identities of people. It makes, changes and removes nobody; stores whose rules
 * or mappings use an identity look at its person again. A scan that cannot be believed changes nothing.
 */

import type { CallContext } from '../../connectors/connector.ts';
import type { Db } from '../../db/open.ts';
import { personsByAlias, storesOfTenant } from '../../db/pull/accounts.ts';
import {
  countLines,
  countLinesByOp,
  dropSomeLines,
  insertLines,
  markLines,
  type NewLine,
} from '../../db/pull/changes.ts';
import type { PulledRecord } from '../../db/pull/connections.ts';
import { storesNaming } from '../../db/pull/enrichment.ts';
import {
  type ChangedIdentity,
  compareIdentities,
  countIdentities,
  forgetIdentities,
  type IdentityRecord,
  identitiesAmong,
  identitiesNotStaged,
  settleSpeakers,
  writeIdentities,
} from '../../db/pull/identities.ts';
import type { PullRun } from '../../db/pull/runs.ts';
import { stagedPage } from '../../db/pull/staging.ts';
import { enqueueTask, PRIORITY } from '../../db/queue/enqueue.ts';
import { type Lease, recordPages, recordUnder } from '../../db/queue/leases.ts';
import type { Claims } from '../../model/pull/identity.ts';
import {
  type MappedTarget,
  NOTHING_PULLED,
  type PullOp,
  type PullSettings,
  type PullSummary,
} from '../../model/pull/pull.ts';
import { withDefaults } from '../../model/settings.ts';
import { heldBecause } from '../../plan/pull/brake.ts';
import { provesAbsence } from '../../plan/pull/missing.ts';
import type { Source, SourceDefinition, SourceUser } from '../../sources/source.ts';
import { isoTime } from '../../support/clock.ts';
import { judgeAbsent } from '../absent.ts';
import { mappingOf, pagesOf } from '../comparison/keys.ts';
import type { PullDeps } from '../deps.ts';
import { ScanRefused } from '../refused.ts';
import { firstText } from '../resource.ts';
import { identitiesOf, type Whereabouts } from './candidates.ts';

const PAGE = 500;

export interface EnrichInput {
  readonly record: PulledRecord;
  readonly run: PullRun;
  readonly settings: PullSettings;
  readonly definition: SourceDefinition;
  readonly context: CallContext;
  /** Null where a store saw the accounts: an account is gone if the store's last whole scan did not show it. */
  readonly source: Pick<Source, 'lookup'> | null;
  readonly lease: Lease;
}

export interface Absent {
  readonly gone: readonly IdentityRecord[];
  /**
   * Accounts that the scan did not show and that the source does not call gone. While there is one, the bridge
   * forgets no identity.
   */
  readonly unknown: number;
}

/** Throws ScanRefused where so much is missing that the scan cannot be believed. */
export async function accountsMissing(db: Db, input: EnrichInput): Promise<Absent> {
  const { record, run, definition, source, context } = input;
  const missing: IdentityRecord[] = [];
  for (let after = ''; ; ) {
    const page = await identitiesNotStaged(db, record.id, run.id, after, PAGE);
    const last = page.at(-1);
    if (!last) break;
    after = last.vendorId;
    missing.push(...page);
  }
  const { all, active } = await countIdentities(db, record.id);
  if (all > 0 && run.progress.read === 0)
    throw new ScanRefused(
      `${definition.vendor} shows no account, and there were ${all}: nothing was changed.`,
    );
  const ids = missing.map(({ vendorId }) => vendorId);
  const judged = source ? await judgeAbsent(run, 'user', ids, source, context) : [];
  const meanings = judged.map(({ meaning }) => meaning);
  if (!provesAbsence(meanings))
    return { gone: [], unknown: meanings.filter((meaning) => meaning === 'unknown').length };
  const configuration = run.trial?.configuration ?? record.configuration;
  const { BRAKE_PERCENT, BRAKE_MIN } = withDefaults(definition.settings, configuration);
  const leaving = missing.filter(({ state }) => state === 'active').length;
  const percent = Number(BRAKE_PERCENT);
  if (heldBecause({ active, leaving, renaming: 0, groups: [], percent, min: Number(BRAKE_MIN) }) !== null)
    throw new ScanRefused(
      `${leaving} of ${active} accounts are not there any more: nothing was changed. Where that is so, set BRAKE_PERCENT to 100 for one run.`,
    );
  return { gone: missing, unknown: 0 };
}

/**
 * Matches accounts with people and, unless it is a preview, writes page by page; each page is written with all its
 * consequences. After a crash a new attempt finds the earlier pages as they should be.
 */
export async function enrich(
  { db, clock }: Pick<PullDeps, 'db' | 'clock'>,
  input: EnrichInput,
  { gone, unknown }: Absent,
): Promise<PullSummary> {
  const { record, run, settings, definition, lease } = input;
  const where = await whereaboutsOf(db, record, definition);
  const mapping = mappingOf(settings, definition);
  // A preview lists what is not so yet. It replaces the lines of an earlier attempt.
  if (run.mode === 'preview') await recordPages(db, lease, (tx) => dropSomeLines(tx, run.id));
  const page: Page = { input, where, at: isoTime(clock.now()) };
  const before = await countLinesByOp(db, run.id);
  const of = (op: PullOp) => before.get(op) ?? 0;
  const count = {
    ...{ created: of('match'), updated: of('update'), deleted: of('remove') },
    ...{ unchanged: -of('match') - of('update'), skipped: 0 },
  };
  const add = (counted: Partial<Counted>) => {
    for (const [name, n] of Object.entries(counted)) count[name as keyof Counted] += n;
  };
  const staged = (after: string) => stagedPage<SourceUser>(db, run.id, 'user', after, PAGE);
  for await (const users of pagesOf<SourceUser>(staged)) {
    const accounts = users.map((user) => ({ ...user, claims: claimsOf(user, mapping) }));
    add(await recordUnder(db, lease, (tx) => keepAccounts(tx, page, accounts)));
  }
  for (let from = 0; from < gone.length; from += PAGE) {
    const some = gone.slice(from, from + PAGE);
    add(await recordUnder(db, lease, (tx) => forget(tx, page, some)));
  }
  return { ...NOTHING_PULLED, ...count, unchanged: Math.max(0, count.unchanged), unknown };
}

interface Page {
  readonly input: EnrichInput;
  readonly where: Whereabouts;
  /** ISO time */
  readonly at: string;
}

type Counted = Record<'created' | 'updated' | 'deleted' | 'unchanged' | 'skipped', number>;

async function keepAccounts(
  tx: Db,
  page: Page,
  accounts: readonly (SourceUser & { readonly claims: Claims })[],
): Promise<Counted> {
  const { record, run } = page.input;
  const { id: connectionId, environmentId } = record;
  const identities = await identitiesOf(tx, page.where, accounts);
  const leftOut = await keptOfLeftOut(tx, connectionId, accounts, identities);
  const { changed, unchanged, personIds } = await compareIdentities(tx, connectionId, identities);
  const lines = changed.flatMap(lineOf);
  await writeLines(tx, run, lines);
  const { deleted } = await forget(tx, page, leftOut);
  if (run.mode !== 'preview') {
    const fresh = changed.map(({ identity }) => identity);
    await writeIdentities(tx, { connectionId, environmentId }, fresh, page.at);
    await settleSpeakers(tx, connectionId, personIds);
    await lookAnew(tx, record, run, personIds, page.at);
  }
  const ops = (op: PullOp) => lines.filter((one) => one.op === op).length;
  const skipped = accounts.length - identities.length + changed.length - lines.length;
  return { created: ops('match'), updated: ops('update'), deleted, unchanged, skipped };
}

async function forget(
  tx: Db,
  { input: { record, run }, at }: Page,
  identities: readonly IdentityRecord[],
): Promise<Pick<Counted, 'deleted'>> {
  const deleted = identities.length;
  await writeLines(tx, run, identities.flatMap(lineOfGone));
  if (run.mode === 'preview' || deleted === 0) return { deleted };
  const ids = identities.map(({ vendorId }) => vendorId);
  await forgetIdentities(tx, record.id, ids);
  const personIds = new Set(identities.flatMap(({ personId }) => personId ?? []));
  await settleSpeakers(tx, record.id, personIds);
  await lookAnew(tx, record, run, personIds, at);
  return { deleted };
}

/** Writes the lines. They are done at once, because the same transaction writes what they report. */
async function writeLines(tx: Db, run: PullRun, lines: readonly NewLine[]): Promise<void> {
  if (lines.length === 0) return;
  const first = (await countLines(tx, run.id, null)) + 1;
  await insertLines(tx, run.id, first, lines);
  if (run.mode === 'preview') return;
  const seqs = lines.map((_, n) => first + n);
  await markLines(tx, run.id, seqs, 'done');
}

/** What a directory says to identify a person: its own id is one by which the identity provider may know them. */
function claimsOf(user: SourceUser, mapping: readonly MappedTarget[]): Claims {
  if (user.claims) return user.claims;
  const textOf = (target: string) =>
    firstText(user, mapping.find((mapped) => mapped.target === target)?.sources ?? []);
  const email = textOf('primaryEmail');
  const name = textOf('displayName') ?? textOf('userName') ?? email ?? user.id;
  return { name, email, subject: user.id, isUnconfirmed: false, isOutsider: false };
}

/** Identities of people whom the scan leaves out from now on, such as guests, or whose person was purged. */
async function keptOfLeftOut(
  tx: Db,
  connectionId: string,
  accounts: readonly SourceUser[],
  identities: readonly { readonly vendorId: string }[],
): Promise<readonly IdentityRecord[]> {
  const counted = new Set(identities.map(({ vendorId }) => vendorId));
  const ids = accounts.map(({ id }) => id).filter((id) => !counted.has(id));
  return [...(await identitiesAmong(tx, connectionId, ids)).values()];
}

async function whereaboutsOf(
  tx: Db,
  { id: connectionId, environmentId, tenantId }: PulledRecord,
  { storeType }: SourceDefinition,
): Promise<Whereabouts> {
  const stores =
    storeType === undefined ? [] : await storesOfTenant(tx, { environmentId, type: storeType, tenantId });
  const byAlias = await personsByAlias(tx, environmentId);
  return { environmentId, connectionId, storeIds: stores.map(({ id }) => id), byAlias };
}

/**
 * The line for a changed identity. Accounts that belong to nobody are listed with the connection, and get no line.
 */
function lineOf({ identity, before }: ChangedIdentity): NewLine[] {
  const personId = identity.personId ?? before?.personId ?? null;
  if (personId === null) return [];
  const op = before?.personId === personId ? 'update' : 'match';
  const lost = identity.personId === null;
  return [line(lost ? 'remove' : op, identity.vendorId, personId, identity.name)];
}

function lineOfGone({ vendorId, personId, name }: IdentityRecord): NewLine[] {
  return personId === null ? [] : [line('remove', vendorId, personId, name)];
}

function line(op: NewLine['op'], sourceId: string, personId: string, display: string): NewLine {
  return { op, kind: 'user', sourceId, subjectId: null, personId, display, detail: {} };
}

/**
 * Makes stores look at the people again whose identities changed; stores that use no identity of this connection are
 * left out.
 */
async function lookAnew(
  tx: Db,
  { id, environmentId }: PulledRecord,
  { correlationId }: PullRun,
  personIds: Iterable<string>,
  at: string,
): Promise<void> {
  const naming = await storesNaming(tx, environmentId, id);
  const stores = naming.filter(({ status }) => status !== 'INACTIVE');
  if (stores.length === 0) return;
  for (const personId of [...personIds].sort())
    for (const store of stores)
      await enqueueTask(tx, store.id, {
        environmentId,
        subject: { kind: 'user', id: personId },
        priority: PRIORITY.normal,
        correlationIds: [correlationId],
        at,
      });
}
