/**
 * The bridge's metrics for Prometheus. Anybody can read `/metrics`, so labels hold only types, outcomes and ids of
 * stores: no person, no name, nothing from the directory.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

const SCIM_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const VENDOR_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    scimRequests: new Counter({
      name: 'scim_bridge_scim_requests_total',
      help: 'SCIM requests answered.',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    scimRequestSeconds: new Histogram({
      name: 'scim_bridge_scim_request_seconds',
      help: 'Seconds from the first byte of a SCIM request to the last of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: SCIM_SECONDS,
      registers,
    }),
    /** `outcome` is the class of the answer's HTTP status, as `2xx`, or `no answer`. */
    vendorCalls: new Counter({
      name: 'scim_bridge_vendor_calls_total',
      help: 'Calls to vendors, by what they were for and how they were answered.',
      labelNames: ['store_type', 'op', 'outcome'],
      registers,
    }),
    vendorCallSeconds: new Histogram({
      name: 'scim_bridge_vendor_call_seconds',
      help: 'Seconds that calls to vendors took.',
      labelNames: ['store_type', 'op'],
      buckets: VENDOR_SECONDS,
      registers,
    }),
    brakeTripped: new Gauge({
      name: 'scim_bridge_brake_tripped',
      help: '1 while the brake of a store is tripped and holds every loss.',
      labelNames: ['store_id'],
      registers,
    }),
    incidentsOpen: new Gauge({
      name: 'scim_bridge_incidents_open',
      help: 'Incidents that wait for a decision.',
      registers,
    }),
    storesPaused: new Gauge({
      name: 'scim_bridge_store_paused',
      help: '1 while a store is paused.',
      labelNames: ['store_id'],
      registers,
    }),
    tasks: new Gauge({
      name: 'scim_bridge_tasks',
      help: 'Tasks in the queue.',
      labelNames: ['state'],
      registers,
    }),
    held: new Gauge({
      name: 'scim_bridge_held',
      help: 'Losses that wait for a decision.',
      labelNames: ['store_id'],
      registers,
    }),
    leaversPending: new Gauge({
      name: 'scim_bridge_leavers_pending',
      help: 'Leavers whom a store has not confirmed yet: waiting, held, parked, paused or refused.',
      labelNames: ['store_id'],
      registers,
    }),
    oldestLeaverSeconds: new Gauge({
      name: 'scim_bridge_oldest_leaver_seconds',
      help: 'Seconds since the oldest of the pending leavers of a store left.',
      labelNames: ['store_id'],
      registers,
    }),
    leaversOverdue: new Counter({
      name: 'scim_bridge_leavers_overdue_total',
      help: 'Leavers whom a store did not confirm within LEAVER_DEADLINE_SECONDS.',
      labelNames: ['store_id'],
      registers,
    }),
    pullAgeSeconds: new Gauge({
      name: 'scim_bridge_pull_age_seconds',
      help: 'Seconds since a directory that is pulled was last read.',
      labelNames: ['connection_id'],
      registers,
    }),
    /** `outcome` is `delivered`, `failed` (it is tried again) or `given_up`. */
    alertAttempts: new Counter({
      name: 'scim_bridge_alert_attempts_total',
      help: 'Attempts to deliver a message of an alert, by how they ended; given_up counts messages.',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    drift: new Gauge({
      name: 'scim_bridge_drift',
      help: 'People and groups that somebody changed by hand on a store, as the last scans found them.',
      labelNames: ['store_id'],
      registers,
    }),
  };
}
