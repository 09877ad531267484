/**
 * Who may import whom. Type-only imports count: a type is knowledge of a room too.
 * Each rule names what is allowed; everything else is a violation.
 */

/** A room, its own files included, may import only these paths. */
function only(name, from, allowed, comment) {
  return { name, comment, severity: 'error', from: { path: from }, to: { pathNot: allowed } };
}

const PACKAGES = ['^node_modules/', '^(node:)?[a-z_/]+$'];
const MODEL = '^src/model/';
const SUPPORT = '^src/support/';
const DB = '^src/db/';
/** The contract of connectors, their registry, and what they share: no vendor. */
const CONTRACT = '^src/connectors/[^/]+\\.ts$';
/** The same of directories that are pulled. */
const SOURCE_CONTRACT = '^src/sources/[^/]+\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Not through types either.',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'What nobody imports is not part of the product.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'product-without-tools',
      comment: 'The product runs without devDependencies, and knows nothing of its tests.',
      severity: 'error',
      from: { path: '^(src|migrations|scripts|client|cli)/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'product-without-tests',
      severity: 'error',
      from: { path: '^(src|migrations|scripts)/' },
      to: { path: '^(test|demo|simulation)/' },
    },
    only(
      'demo-from-outside',
      '^demo/',
      ['^demo/', '^test/emulator/', '^(node:)?[a-z_/]+$'],
      'It meets the bridge as an IdP and an administrator do: over HTTP.',
    ),
    only(
      'simulation-from-outside',
      '^simulation/',
      [
        '^simulation/',
        '^src/(compose|config)\\.ts$',
        '^src/db/(open|migrations)\\.ts$',
        '^test/emulator/',
        MODEL,
        SUPPORT,
        ...PACKAGES,
      ],
      'It composes the bridge as the process does, and meets it over HTTP alone.',
    ),
    only(
      'scripts-start-what-boot-can-do',
      '^scripts/',
      ['^scripts/', '^src/boot/', '^src/config\\.ts$', SUPPORT, ...PACKAGES],
      'Commands of an operator, each a few lines.',
    ),
    only(
      'client-from-the-schemas',
      '^client/',
      ['^client/', '^src/api/(endpoint|routes/index|schemas/common)\\.ts$', ...PACKAGES],
      'It takes the types of the API, and none of its code.',
    ),
    only(
      'cli-speaks-through-the-client',
      '^cli/',
      ['^cli/', '^client/', ...PACKAGES],
      'What it cannot ask the client for, the API lacks.',
    ),
    only('model-is-pure', '^src/model/', [MODEL], 'No package, no room, not even Node.'),
    only('plan-is-pure', '^src/plan/', ['^src/plan/', MODEL], 'No clock, no I/O, no package.'),
    only('support-knows-no-room', '^src/support/', [SUPPORT, MODEL, ...PACKAGES], "It is everybody's."),
    only('db', '^src/db/', [DB, MODEL, SUPPORT, '^migrations/', ...PACKAGES]),
    only('migrations', '^migrations/', ['^migrations/', ...PACKAGES]),
    only('auth', '^src/auth/', ['^src/auth/', DB, MODEL, SUPPORT, ...PACKAGES]),
    only(
      'connectors-common',
      '^src/connectors/[^/]+\\.ts$',
      ['^src/connectors/', MODEL, SUPPORT, ...PACKAGES],
      'The contract and what all connectors share.',
    ),
    only(
      'connectors-apart',
      '^src/connectors/([^/]+)/',
      ['^src/connectors/$1/', '^src/connectors/[^/]+\\.ts$', MODEL, SUPPORT, ...PACKAGES],
      'A connector knows the contract and itself, never another connector or the database.',
    ),
    only(
      'sources-common',
      '^src/sources/[^/]+\\.ts$',
      ['^src/sources/', CONTRACT, MODEL, SUPPORT, ...PACKAGES],
      'The contract of pulled directories, and what they share with connectors: how a vendor is asked.',
    ),
    only(
      'sources-apart',
      '^src/sources/([^/]+)/',
      ['^src/sources/$1/', SOURCE_CONTRACT, CONTRACT, MODEL, SUPPORT, ...PACKAGES],
      'A source knows the contract and itself, never another source, a connector or the database.',
    ),
    only(
      'outbound',
      '^src/outbound/',
      ['^src/outbound/', CONTRACT, SOURCE_CONTRACT, MODEL, SUPPORT, ...PACKAGES],
      'How requests leave; it knows what a store type says of itself, and no vendor.',
    ),
    only('directory', '^src/directory/', ['^src/directory/', DB, MODEL, SUPPORT, ...PACKAGES]),
    only(
      'stores',
      '^src/stores/',
      ['^src/stores/', CONTRACT, SOURCE_CONTRACT, '^src/directory/', DB, MODEL, SUPPORT, ...PACKAGES],
      'Whoever speaks to a store does so through the contract and the registry alone.',
    ),
    only(
      'settle',
      '^src/settle/',
      ['^src/settle/', '^src/stores/', '^src/plan/', CONTRACT, DB, MODEL, SUPPORT, ...PACKAGES],
      'One subject on one store; it knows no run, no admin and no loop.',
    ),
    only(
      'sync',
      '^src/sync/',
      ['^src/sync/', '^src/settle/', '^src/stores/', '^src/plan/', CONTRACT, DB, MODEL, SUPPORT, ...PACKAGES],
      'A whole store, subject by subject.',
    ),
    only(
      'pull',
      '^src/pull/',
      [
        '^src/pull/',
        '^src/stores/',
        '^src/directory/',
        '^src/plan/',
        CONTRACT,
        SOURCE_CONTRACT,
        DB,
        MODEL,
        SUPPORT,
        ...PACKAGES,
      ],
      'One run over a directory that is pulled; it knows no source, no admin and no loop.',
    ),
    only('control', '^src/control/', [
      '^src/control/',
      '^src/pull/',
      '^src/settle/',
      '^src/stores/',
      '^src/plan/',
      '^src/directory/',
      CONTRACT,
      SOURCE_CONTRACT,
      DB,
      MODEL,
      SUPPORT,
      ...PACKAGES,
    ]),
    only('work', '^src/work/', [
      '^src/work/',
      '^src/pull/',
      '^src/control/',
      '^src/sync/',
      '^src/settle/',
      '^src/stores/',
      '^src/directory/',
      CONTRACT,
      SOURCE_CONTRACT,
      DB,
      MODEL,
      SUPPORT,
      ...PACKAGES,
    ]),
    only('scim', '^src/scim/', [
      '^src/scim/',
      '^src/directory/',
      '^src/auth/',
      DB,
      MODEL,
      SUPPORT,
      ...PACKAGES,
    ]),
    only(
      'api',
      '^src/api/',
      [
        '^src/api/',
        '^src/control/',
        '^src/sync/',
        '^src/stores/',
        '^src/directory/',
        '^src/auth/',
        SOURCE_CONTRACT,
        DB,
        MODEL,
        SUPPORT,
        ...PACKAGES,
      ],
      'Neither scim nor api knows the other, or a connector.',
    ),
    only('http', '^src/http/', ['^src/http/', DB, MODEL, SUPPORT, ...PACKAGES]),
    only('boot', '^src/boot/', [
      '^src/boot/',
      '^src/config\\.ts$',
      '^src/control/',
      '^src/auth/',
      DB,
      MODEL,
      SUPPORT,
      ...PACKAGES,
    ]),
    {
      name: 'scimmy-stays-in-scim',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: '^src/scim/' },
      to: { path: '^node_modules/scimmy' },
    },
    {
      name: 'undici-stays-in-outbound',
      comment: 'Whoever connects elsewhere goes around the rule of where the bridge may connect to.',
      severity: 'error',
      from: { path: '^(src|migrations|scripts)/', pathNot: '^src/outbound/' },
      to: { path: '^node_modules/undici' },
    },
    {
      name: 'only-compose-sees-everything',
      comment: 'The process reaches the rooms through compose.ts.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/compose\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(boot|http|support|db|outbound)/|^src/[^/]+\\.ts$' },
    },
    {
      name: 'nobody-imports-the-process',
      severity: 'error',
      from: { path: '^src/[^/]+/' },
      to: { path: '^src/[^/]+\\.ts$', pathNot: '^src/config\\.ts$' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
