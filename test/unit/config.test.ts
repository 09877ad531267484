/** The environment variables: defaults, and a sentence for each mistake. */

import { randomBytes } from 'node:crypto';
import { readConfig } from '../../src/config.ts';

const key = () => randomBytes(32).toString('base64');
const mistakesOf = (environment: Record<string, string>) => readConfig(environment).mistakes;
const configOf = (environment: Record<string, string>) => {
  const { config, mistakes } = readConfig(environment);
  if (!config) throw new Error(mistakes.join('; '));
  return config;
};

describe('without any variable', () => {
  it('is the embedded default on loopback', () => {
    expect(configOf({})).toEqual({
      role: 'all',
      host: '127.0.0.1',
      port: 3000,
      database: { dialect: 'sqlite', target: 'data/scim-bridge.db' },
      dataDirectory: 'data',
      adminToken: null,
      keyring: null,
      publicUrl: 'http://127.0.0.1:3000',
      isPublicUrlGiven: false,
      logLevel: 'info',
      eventRetentionDays: 730,
      metricsPort: null,
      mailServer: null,
      trustedProxies: [],
      outbound: { rule: { allowed: { ranges: [], hosts: new Set() }, listensOnLoopback: true }, proxy: null },
      guessable: [],
    });
  });
});

describe('PUBLIC_URL', () => {
  it.each([
    [{ HOST: '0.0.0.0', PORT: '8080' }, 'http://localhost:8080'],
    [{ HOST: '::' }, 'http://localhost:3000'],
    [{ HOST: '::1' }, 'http://[::1]:3000'],
    [{ PUBLIC_URL: 'https://scim.example.com/' }, 'https://scim.example.com'],
    [{ PUBLIC_URL: 'https://example.com/bridge/' }, 'https://example.com/bridge'],
  ])('%j gives %s', (environment, publicUrl) => {
    expect(configOf(environment).publicUrl).toBe(publicUrl);
  });

  it.each(['scim.example.com', 'ftp://example.com', 'https://u:p@example.com', 'https://example.com/?a=1'])(
    'refuses %s',
    (PUBLIC_URL) => {
      expect(mistakesOf({ PUBLIC_URL })).toEqual([expect.stringMatching(/^PUBLIC_URL must be /)]);
    },
  );
});

describe('DATABASE_URL', () => {
  it("keeps the bridge's own files beside an embedded database, and in data otherwise", () => {
    expect(configOf({ DATABASE_URL: 'sqlite:/var/lib/bridge/b.db' }).dataDirectory).toBe('/var/lib/bridge');
    const postgres = configOf({ DATABASE_URL: 'postgres://u:p@db/bridge', ENCRYPTION_KEY: key() });
    expect(postgres.dataDirectory).toBe('data');
  });

  it('names the driver of an embedded database', () => {
    for (const driver of ['sqlite3', 'node'])
      expect(configOf({ DATABASE_URL: `sqlite:///var/b.db?driver=${driver}` }).database).toEqual({
        ...{ dialect: 'sqlite', target: '/var/b.db', driver },
      });
  });

  it('wants an encryption key with PostgreSQL', () => {
    expect(mistakesOf({ DATABASE_URL: 'postgres://u:p@db/bridge' })).toEqual([
      'ENCRYPTION_KEY is required with PostgreSQL: make one with: openssl rand -base64 32',
    ]);
  });

  it.each([
    ...['mysql://u:hunter22@db/x', 'sqlite:', 'bridge.db', 'sqlite::memory:'],
    ...['sqlite:b.db?driver=hunter22', 'sqlite:b.db?mode=ro', 'sqlite:?driver=node'],
  ])('refuses %s', (value) => {
    const mistakes = mistakesOf({ DATABASE_URL: value });
    expect(mistakes).toEqual([expect.stringMatching(/^DATABASE_URL must /)]);
    expect(mistakes.join()).not.toContain('hunter22');
  });
});

describe('ENCRYPTION_KEY', () => {
  it('takes a list: the first seals, all open', () => {
    const [old, fresh] = [key(), key()];
    const before = configOf({ ENCRYPTION_KEY: old }).keyring;
    const after = configOf({ ENCRYPTION_KEY: `${fresh}, ${old}` }).keyring;
    const sealed = before?.seal('secret', ['here']);
    expect(sealed && after?.open(sealed, ['here'])).toBe('secret');
    expect(after?.keyIds).toHaveLength(2);
    expect(after?.sealingKeyId).not.toBe(before?.sealingKeyId);
  });

  it.each(['abc', randomBytes(31).toString('base64'), `${key()},`, 'not base64 at all but long enough!!'])(
    'refuses %s without repeating it',
    (ENCRYPTION_KEY) => {
      const mistakes = mistakesOf({ ENCRYPTION_KEY });
      expect(mistakes).toEqual([expect.stringMatching(/^ENCRYPTION_KEY/)]);
      expect(mistakes.join()).not.toContain(ENCRYPTION_KEY);
    },
  );
});

describe('ADMIN_TOKEN', () => {
  it('needs 32 characters that fit into a header', () => {
    expect(configOf({ ADMIN_TOKEN: 'x'.repeat(32) }).adminToken).toBe('x'.repeat(32));
    expect(mistakesOf({ ADMIN_TOKEN: 'x'.repeat(31) })).toEqual([
      'ADMIN_TOKEN must have at least 32 characters',
    ]);
    expect(mistakesOf({ ADMIN_TOKEN: `${'x'.repeat(20)} ${'x'.repeat(20)}` })).toHaveLength(1);
  });
});

describe('ROLE', () => {
  const postgres = { DATABASE_URL: 'postgres://u:p@db/x', ENCRYPTION_KEY: key() };

  it.each(['all', 'api', 'worker'])('may be %s with PostgreSQL', (ROLE) => {
    expect(configOf({ ...postgres, ROLE }).role).toBe(ROLE);
  });

  it('is all, and nothing else, with an embedded database', () => {
    expect(configOf({}).role).toBe('all');
    expect(mistakesOf({ ROLE: 'worker' })).toEqual([
      expect.stringMatching(/^ROLE=worker needs PostgreSQL: /),
    ]);
  });

  it('refuses what is no role', () => {
    expect(mistakesOf({ ...postgres, ROLE: 'Worker' })).toEqual(['ROLE must be one of all, api, worker']);
  });
});

describe('secrets that can be guessed', () => {
  const zeros = Buffer.alloc(32).toString('base64');

  it('are taken, and named', () => {
    const guessable = (environment: Record<string, string>) => configOf(environment).guessable;
    expect(guessable({ ADMIN_TOKEN: 'an-admin-token-of-32-characters!', ENCRYPTION_KEY: key() })).toEqual([]);
    expect(guessable({ ADMIN_TOKEN: 'ab'.repeat(16) })).toEqual(['ADMIN_TOKEN']);
    expect(guessable({ ENCRYPTION_KEY: zeros })).toEqual(['ENCRYPTION_KEY']);
    expect(guessable({ ENCRYPTION_KEY: `${key()},${zeros}` })).toEqual(['ENCRYPTION_KEY']);
  });
});

describe('EVENT_RETENTION_DAYS', () => {
  it('is a number of days; 0 keeps all', () => {
    expect(configOf({ EVENT_RETENTION_DAYS: '30' }).eventRetentionDays).toBe(30);
    expect(configOf({ EVENT_RETENTION_DAYS: '0' }).eventRetentionDays).toBe(0);
  });

  it.each(['-1', '1.5', 'all', '36501', '1e3'])('refuses %s', (EVENT_RETENTION_DAYS) => {
    expect(mistakesOf({ EVENT_RETENTION_DAYS })).toEqual([
      'EVENT_RETENTION_DAYS must be a whole number of days from 0 to 36500; 0 keeps all',
    ]);
  });
});

describe('mistakes', () => {
  it.each(['-1', '0', '65536', '3000x', '80.5', '1e3', '0x50'])('refuses PORT %s', (PORT) => {
    expect(mistakesOf({ PORT })).toEqual(['PORT must be a whole number from 1 to 65535']);
  });

  it.each(['127.0.0.1:3000', 'a/b', 'http://localhost', 'a b'])('refuses HOST %s', (HOST) => {
    expect(mistakesOf({ HOST })).toEqual([expect.stringMatching(/^HOST must be /)]);
  });

  it('says one sentence for each, and takes an empty value for a mistake', () => {
    expect(mistakesOf({ PORT: 'x', LOG_LEVEL: 'verbose', ADMIN_TOKEN: '' })).toEqual([
      'PORT must be a whole number from 1 to 65535',
      'ADMIN_TOKEN is empty: give it a value or remove it',
      'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent',
    ]);
  });
});

describe('METRICS_PORT and TRUST_PROXY', () => {
  it('are taken', () => {
    const config = configOf({ METRICS_PORT: '9090', TRUST_PROXY: '10.0.0.7, 10.1.0.0/16,::1,fd00::/8' });
    expect(config.metricsPort).toBe(9090);
    expect(config.trustedProxies).toEqual(['10.0.0.7', '10.1.0.0/16', '::1', 'fd00::/8']);
  });

  it.each(['proxy.example', '10.0.0.0/33', 'true', '1', '10.0.0.1,'])(
    'refuses TRUST_PROXY %s',
    (TRUST_PROXY) => {
      expect(mistakesOf({ TRUST_PROXY })).toEqual([
        expect.stringMatching(/^TRUST_PROXY: .*no address or range/),
      ]);
    },
  );

  it('refuses the port of everything else', () => {
    expect(mistakesOf({ PORT: '3000', METRICS_PORT: '3000' })).toHaveLength(1);
    expect(mistakesOf({ METRICS_PORT: '0' })).toEqual([
      'METRICS_PORT must be a whole number from 1 to 65535',
    ]);
  });
});

describe('where the bridge may connect to', () => {
  it.each([
    [{ HOST: '127.0.0.1' }, true],
    [{ HOST: 'localhost' }, true],
    [{ HOST: '::1' }, true],
    [{ HOST: '0.0.0.0' }, false],
    [{ HOST: '::' }, false],
    [{ HOST: '10.0.0.1' }, false],
    [{ HOST: 'bridge.example' }, false],
  ])('with %j loopback counts: %s', (environment, listensOnLoopback) => {
    expect(configOf(environment).outbound.rule.listensOnLoopback).toBe(listensOnLoopback);
  });

  it('goes through a proxy, where one is set', () => {
    const { proxy } = configOf({ HTTPS_PROXY: 'http://proxy.example:3128', NO_PROXY: 'a,b' }).outbound;
    expect(proxy).toEqual({ url: 'http://proxy.example:3128/', except: 'a,b' });
    expect(mistakesOf({ HTTPS_PROXY: 'proxy.example' })).toHaveLength(1);
    expect(mistakesOf({ OUTBOUND_ALLOW: '169.254.169.254' })).toHaveLength(1);
  });
});
