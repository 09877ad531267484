/** What `storeMetadata` says of a key is exactly what saving allows. */

import { onEachDatabase } from '../../database.ts';
import { startTestBridge, type TestBridge } from './bridge.ts';

const propagation = '/v1/environments/default/propagation';

interface Setting {
  readonly key: string;
  readonly type: 'string' | 'url' | 'boolean' | 'integer' | 'strings';
  readonly required: boolean;
  readonly secret: boolean;
  readonly default?: unknown;
  readonly allowed?: readonly unknown[];
  readonly min?: number;
  readonly max?: number;
  readonly notYet?: string;
}

const REQUIRED: Readonly<Record<string, Record<string, unknown>>> = {
  Demo: {},
  Slack: { OAUTH_ACCESS_TOKEN: 'yourOauthAccessToken' },
  GitLabSelfManaged: { BASE_URL: 'https://gitlab.example.com', ACCESS_TOKEN: 'secret' },
};

const IDENTITY: Readonly<Record<string, readonly string[]>> = {
  Demo: ['primaryEmail', 'userName'],
  Slack: ['primaryEmail', 'userName'],
  GitLabSelfManaged: ['email', 'externUid', 'username'],
};

/** What one key wants beside it, so that it alone is judged. */
const BESIDE: Readonly<Record<string, Record<string, unknown>>> = {
  REMOVE_AFTER_DAYS: { REMOVE_ACTION: 'Delete' },
};

const OF_TYPE: Readonly<Record<Setting['type'], unknown>> = {
  string: 'some text',
  url: 'https://vendor.example/path/',
  boolean: true,
  integer: 1,
  strings: ['one', 'two*'],
};

function goodValues(setting: Setting): readonly unknown[] {
  if (setting.allowed) return setting.allowed;
  if (setting.notYet) return [];
  if (setting.type === 'integer') return [setting.min, setting.max];
  return setting.type === 'boolean' ? [true, false] : [OF_TYPE[setting.type]];
}

function badValues(setting: Setting): readonly unknown[] {
  const wrongType = setting.type === 'boolean' ? 'true' : { not: 'a value' };
  const cutOff = setting.secret ? ['xoxp-', ' glpat-', 'glpat-abc…xyz', 'xoxp-12...', '********'] : [];
  const outside = setting.type === 'integer' ? [(setting.min ?? 0) - 1, (setting.max ?? 0) + 1, 1.5] : [];
  const unlisted = setting.allowed || setting.notYet ? [OF_TYPE[setting.type]] : [];
  const empty = setting.type === 'string' || setting.type === 'url' ? [''] : [];
  return [wrongType, null, ...cutOff, ...outside, ...unlisted, ...empty];
}

onEachDatabase((open) => {
  let bridge: TestBridge;

  beforeAll(async () => {
    bridge = await startTestBridge(await open());
  });

  afterAll(() => bridge.stop());

  let made = 0;

  async function save(type: string, configuration: object) {
    made += 1;
    const body = { type, name: `store ${made}`, configuration };
    return bridge.ask('POST', `${propagation}/stores`, { body });
  }

  describe.each(Object.keys(REQUIRED))('%s', (type) => {
    let settings: readonly Setting[];

    beforeAll(async () => {
      settings = (await bridge.ask('GET', `${propagation}/storeMetadata/${type}`)).body.configuration;
    });

    it('takes what it says that it takes', async () => {
      for (const setting of settings) {
        for (const value of goodValues(setting)) {
          const beside = setting.max === 0 ? {} : BESIDE[setting.key];
          const answer = await save(type, { ...REQUIRED[type], ...beside, [setting.key]: value });
          expect([setting.key, value, answer.status, answer.body.errors]).toEqual([
            setting.key,
            value,
            201,
            undefined,
          ]);
        }
      }
    });

    it('refuses everything else, with a sentence', async () => {
      for (const setting of settings) {
        for (const value of badValues(setting)) {
          const answer = await save(type, { ...REQUIRED[type], [setting.key]: value });
          expect([setting.key, value, answer.status]).toEqual([setting.key, value, 400]);
          const pointer = `/configuration/${setting.key}`;
          expect(answer.body.errors).toContainEqual({
            pointer,
            detail: expect.stringContaining(setting.key),
          });
          if (setting.notYet) expect(answer.body.errors).toEqual([{ pointer, detail: setting.notYet }]);
        }
      }
    });

    it('starts from its defaults', async () => {
      const defaults = settings.filter((setting) => setting.default !== undefined);
      const given = Object.fromEntries(defaults.map((setting) => [setting.key, setting.default]));
      expect((await save(type, { ...REQUIRED[type], ...given })).status).toBe(201);
    });

    it('wants what is required', async () => {
      const required = settings.filter((setting) => setting.required).map(({ key }) => key);
      expect(required).toEqual(Object.keys(REQUIRED[type] ?? {}).sort((a, b) => order(a) - order(b)));
      const answer = await save(type, {});
      const pointers = (answer.body.errors ?? []).map((e: { pointer: string }) => e.pointer);
      expect(pointers).toEqual(required.map((key) => `/configuration/${key}`));
    });

    it('marks the attributes by which an account is found or signed in to', async () => {
      const { body } = await bridge.ask('GET', `${propagation}/storeMetadata/${type}`);
      const marked = body.userAttributes.filter((a: { identity?: boolean }) => a.identity);
      expect(marked.map((a: { name: string }) => a.name).sort()).toEqual(IDENTITY[type]);
    });

    const order = (key: string) => settings.findIndex((setting) => setting.key === key);

    it('says of every key of the product that is not built yet that it comes', () => {
      const coming = settings.filter(({ notYet }) => notYet !== undefined);
      expect(coming.map(({ key }) => key)).toEqual(expect.arrayContaining(['CREATE_ACTION']));
      for (const { key, notYet } of coming) {
        expect(notYet).toMatch(new RegExp(`^${key} .*is not available yet: .*\\.$`));
      }
    });
  });
});
