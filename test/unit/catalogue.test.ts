/** What the audit log and `/metrics` may hold is written down once; the code and `docs/events.md` agree with it. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Decision } from '../../src/db/brake/losses.ts';
import type { Op } from '../../src/model/change.ts';
import { EVENT_KINDS, EVENT_OUTCOMES } from '../../src/model/eventKinds.ts';
import { createMetrics } from '../../src/support/metrics.ts';

const ROOT = join(__dirname, '../..');
const CATALOGUES = ['model/eventKinds.ts', 'support/metrics.ts'];
const code = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !CATALOGUES.includes(file))
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
  .join('\n');
const page = readFileSync(join(ROOT, 'docs/events.md'), 'utf8');

/** The rows of the table below a heading of the page. */
function tableUnder(heading: string): readonly string[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const lines = section.split('\n## ', 1)[0]?.split('\n') ?? [];
  return lines.filter((line) => line.startsWith('| `'));
}

const rows = (catalogue: Readonly<Record<string, string>>) =>
  Object.entries(catalogue).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);

/** Kinds that the code writes by filling in their last part, as in `change.${op}`. */
const FILLED_IN: {
  readonly [kind in
    | `change.${Op}`
    | `${'held' | 'incident'}.${Decision['state']}`
    | 'incident.undone']: string;
} = {
  'change.adopt': '`change.${',
  'change.create': '`change.${',
  'change.delete': '`change.${',
  'change.disable': '`change.${',
  'change.enable': '`change.${',
  'change.grant': '`change.${',
  'change.revoke': '`change.${',
  'change.update': '`change.${',
  'held.approved': '`held.${',
  'held.discarded': '`held.${',
  'incident.approved': '`incident.${',
  'incident.discarded': '`incident.${',
  'incident.undone': '`incident.${',
};

it('shows every kind of event with its meaning', () => {
  expect(tableUnder('Kinds')).toEqual(rows(EVENT_KINDS));
});

it('shows every outcome with its meaning', () => {
  expect(tableUnder('Outcomes')).toEqual(rows(EVENT_OUTCOMES));
});

it('shows every metric with its labels and its meaning', async () => {
  const { registry, ...metrics } = createMetrics();
  const own = registry.getMetricsAsArray().filter(({ name }) => name.startsWith('scim_bridge_'));
  expect(own).toHaveLength(Object.keys(metrics).length);
  const labels = (metric: object) =>
    (metric as { labelNames: readonly string[] }).labelNames.map((name) => `\`${name}\``).join(', ');
  expect(tableUnder('Metrics')).toEqual(
    own.map((metric) => `| \`${metric.name}\` | ${labels(metric)} | ${metric.help} |`),
  );
});

it.each(Object.keys(EVENT_KINDS))('%s is written somewhere', (kind) => {
  expect(code).toContain((FILLED_IN as Readonly<Record<string, string>>)[kind] ?? `'${kind}'`);
});

it.each(Object.keys(EVENT_OUTCOMES))('the outcome %s is written somewhere', (outcome) => {
  expect(code).toContain(`outcome: '${outcome}'`);
});

it.each(Object.keys(createMetrics()).filter((name) => name !== 'registry'))('%s is counted', (name) => {
  expect(code).toMatch(new RegExp(`\\bmetrics\\.${name}\\.(inc|set|observe)\\(`));
});
