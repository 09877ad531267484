/** Shows a connection, pulled or pushed. */

import { listAttributesSeen } from '../../db/identity/attributesSeen.ts';
import { type ConnectionCounts, countsOfConnections } from '../../db/identity/connectionCounts.ts';
import type { ConnectionRecord } from '../../db/identity/connections.ts';
import { storesWaitedFor } from '../../db/identity/tombstones.ts';
import { getPulled, type PulledRecord } from '../../db/pull/connections.ts';
import { isPulledStrategy, onlyEnriches } from '../../model/pull/pull.ts';
import { maskedConfiguration } from '../../stores/storeSecrets.ts';
import type { ApiDeps } from '../deps.ts';
import { connectionHref } from '../href.ts';
import { showDeletion } from '../schemas/deletion.ts';

/**
 * A connection by itself. It shows what lists leave out: what a deletion waits for, and the attributes that the
 * source has shown.
 */
export async function connectionShown(deps: ApiDeps, connection: ConnectionRecord) {
  const { id } = connection;
  const record = await getPulled(deps.db, id);
  const shown = showConnection(
    deps,
    connection,
    await countsOfConnections(deps.db, [id]),
    record ?? undefined,
  );
  const seen = record ? await listAttributesSeen(deps.db, id) : [];
  const whole = record ? { ...shown, attributesSeen: seen.map(({ name }) => name) } : shown;
  if (!whole.deletion) return whole;
  const waitsFor = await storesWaitedFor(deps.db, id);
  return { ...whole, deletion: { ...whole.deletion, waitsFor } };
}

const NOTHING_YET: ConnectionCounts = { users: 0, active: 0, groups: 0, attributes: 0 };

export function showConnection(
  deps: ApiDeps,
  connection: ConnectionRecord,
  counts: ReadonlyMap<string, ConnectionCounts>,
  pulled: PulledRecord | undefined,
) {
  const { id, environmentId, name, handle, strategy, isPrimary, deletion, createdAt, updatedAt } = connection;
  const { unknownAttributes, matchPeople, reusedIdentifiers, retentionDays, metadata } = connection;
  const { silentAfterHours } = connection;
  // While a connection is being deleted, the data of its pulls is gone already.
  const isPulled = isPulledStrategy(strategy);
  return {
    id,
    environment: { id: environmentId },
    ...{ name, handle, strategy, mode: isPulled ? ('pull' as const) : ('push' as const), isPrimary },
    ...{ unknownAttributes, matchPeople, reusedIdentifiers, retentionDays, metadata, silentAfterHours },
    status: deletion ? ('DELETING' as const) : statusOf(pulled),
    ...(deletion ? { deletion: showDeletion(deletion) } : {}),
    ...(pulled ? showPulled(deps, pulled) : {}),
    counts: counts.get(id) ?? NOTHING_YET,
    timestamps: { createdAt, updatedAt },
    createdAt,
    updatedAt,
    _links: {
      self: { href: connectionHref(deps, connection) },
      ...(isPulled
        ? { syncs: { href: connectionHref(deps, connection, 'syncs') } }
        : { scimConfiguration: { href: connectionHref(deps, connection, 'scim-configuration') } }),
    },
  };
}

function statusOf(pulled: PulledRecord | undefined): 'STAGED' | 'ACTIVE' | 'PAUSED' {
  if (!pulled) return 'ACTIVE';
  return pulled.paused ? 'PAUSED' : pulled.status;
}

/** The settings of a pulled connection that an admin may choose. */
export function pullSettingsShown(deps: ApiDeps, record: PulledRecord) {
  const definition = deps.propagation.sources.get(record.type);
  const { sync, groups, manager, mapping, tags, domains } = record.settings;
  const { childKey, parentKey } = definition?.manager ?? { childKey: null, parentKey: null };
  return {
    configuration: definition ? maskedConfiguration(definition, record) : {},
    enrich: onlyEnriches(record.type, record.settings),
    sync,
    groups: { mode: groups.mode, selected: [...groups.selected] },
    manager: {
      ...manager,
      childKey: manager.childKey ?? childKey,
      parentKey: manager.parentKey ?? parentKey,
    },
    mapping: (mapping ?? definition?.defaultMapping ?? []).map(({ target, sources }) => ({
      target,
      sources: [...sources],
    })),
    tags: tags.map((tag) => ({ ...tag })),
    domains: [...domains],
  };
}

/**
 * The base into which a PATCH is merged. It leaves out the default mapping: answers show it, but no admin chose it.
 */
export function pullSettingsBefore(deps: ApiDeps, record: PulledRecord) {
  const { mapping, ...settings } = pullSettingsShown(deps, record);
  return record.settings.mapping === null ? settings : { ...settings, mapping };
}

function showPulled(deps: ApiDeps, record: PulledRecord) {
  const { tenantId, tenantName, paused, lastSync, lastSuccessAt, lastFullAt, nextRunAt } = record;
  return {
    ...pullSettingsShown(deps, record),
    ...{ accountId: tenantId, domain: tenantName, paused },
    ...{ lastSync, lastSuccessAt, lastFullAt, nextRunAt },
  };
}
