/** What `deploy/` names exists: metrics in rules and dashboard, environment variables in the compose file and manifests. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from '../../src/support/metrics.ts';

const DEPLOY = join(__dirname, '../../deploy');
const textOf = (file: string) => readFileSync(join(DEPLOY, file), 'utf8');

/** Of a histogram, Prometheus keeps three. */
const SUFFIXES = ['_bucket', '_sum', '_count'];
/** Prometheus makes it of every scrape. */
const OF_PROMETHEUS = ['up'];

const { registry } = createMetrics();
const metrics = new Map(registry.getMetricsAsArray().map((metric) => [metric.name, metric]));

function exists(name: string): boolean {
  if (metrics.has(name) || OF_PROMETHEUS.includes(name)) return true;
  const base = SUFFIXES.find((suffix) => name.endsWith(suffix));
  return base !== undefined && String(metrics.get(name.slice(0, -base.length))?.type) === 'histogram';
}

/** Names of metrics stand before a selector, a range or the end; names of functions before a parenthesis. */
function metricsIn(expression: string): readonly string[] {
  const bare = expression.replace(/"[^"]*"/g, '""').replace(/\b(?:by|on|without)\s*\([^)]*\)/g, '');
  const words = bare
    .replace(/\{[^}]*\}/g, '{}')
    .matchAll(/(?<![\w$.])([a-z][a-z0-9_]*[a-z0-9])(?!\w|\s*\()/g);
  const KEYWORDS = ['and', 'or', 'unless', 'bool', 'by', 'on', 'ignoring'];
  return [...words].map(([, name = '']) => name).filter((name) => !KEYWORDS.includes(name));
}

/** The labels of a selector, by the metric that they stand behind. */
function selectorsIn(expression: string): readonly (readonly [string, string])[] {
  return [...expression.matchAll(/([a-z_0-9]+)\{([^}]*)\}/g)].flatMap(([, name = '', labels = '']) =>
    [...labels.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => [name, label] as const),
  );
}

/** `job` and `instance` are Prometheus's. */
function hasLabel([name, label]: readonly [string, string]): boolean {
  if (['job', 'instance', 'le'].includes(label)) return true;
  const base = SUFFIXES.find((suffix) => name.endsWith(suffix) && !metrics.has(name)) ?? '';
  const metric = metrics.get(name.slice(0, name.length - base.length)) as unknown as
    | { readonly labelNames: readonly string[] }
    | undefined;
  return metric?.labelNames.includes(label) === true;
}

const rules = [...textOf('prometheus/alerts.yml').matchAll(/expr: (>\n(?: {10,}.*\n)+|.*\n)/g)].map(
  ([, expression = '']) => expression.replace(/^>\n/, ''),
);
const panels = JSON.parse(textOf('grafana/dashboard.json')).panels as readonly {
  readonly targets?: readonly { readonly expr: string }[];
}[];
const shown = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

it('reads every rule and every panel', () => {
  expect(rules).toHaveLength(textOf('prometheus/alerts.yml').split('- alert:').length - 1);
  expect(rules.flatMap(metricsIn)).toEqual(expect.arrayContaining(['up', 'scim_bridge_held']));
  expect(shown.flatMap(metricsIn)).toContain('scim_bridge_vendor_call_seconds_bucket');
  expect(metricsIn('sum by (le) (rate(a_b{c="d"}[5m])) or vector(0) and e_f > 1')).toEqual(['a_b', 'e_f']);
});

it.each([
  ['alert rules', rules],
  ['dashboard', shown],
])('the %s name metrics and labels that there are', (_, expressions) => {
  expect(expressions.flatMap(metricsIn).filter((name) => !exists(name))).toEqual([]);
  expect(expressions.flatMap(selectorsIn).filter((selector) => !hasLabel(selector))).toEqual([]);
});

it('shows every metric of the bridge on the dashboard', () => {
  const all = shown.flatMap(metricsIn).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  const own = [...metrics.keys()].filter((name) => name.startsWith('scim_bridge_'));
  expect(own.filter((name) => !all.includes(name))).toEqual([]);
});

const known = [
  ...readFileSync(join(__dirname, '../../src/config.ts'), 'utf8').matchAll(
    /\bread(?:<[^>]*>)?\(\s*'([A-Z_]+)'/g,
  ),
].map(([, name = '']) => name);

function variablesIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

it('sets no variable that the bridge does not read', () => {
  const [bridge = ''] = textOf('compose/compose.yaml').split('\n  postgres:\n');
  const compose = variablesIn(bridge, /^ {6}([A-Z_]+):/gm);
  const [, ofTheBridge = ''] = textOf('README.md').split('cat > bridge.env <<end\n');
  const file = variablesIn(ofTheBridge.split('\nend\n', 1)[0] ?? '', /^([A-Z_]+)=/gm);
  const manifests = readdirSync(join(DEPLOY, 'kubernetes')).flatMap((name) =>
    variablesIn(textOf(join('kubernetes', name)), /- name: ([A-Z_]+)$/gm),
  );
  const secret = variablesIn(textOf('README.md'), /--from-literal=([A-Z_]+)=/g);
  expect(compose).toContain('ROLE');
  expect(file).toContain('ENCRYPTION_KEY');
  expect(manifests).toContain('DATABASE_URL');
  expect([...compose, ...file, ...manifests, ...secret].filter((name) => !known.includes(name))).toEqual([]);
  expect(new Set(manifests)).toEqual(new Set(['ROLE', ...secret]));
});
