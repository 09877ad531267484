/** `npm run emulators` as a person starts it: what it prints is enough to reach each vendor. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

const ROOT = join(__dirname, '../..');
const WITHIN_MS = 20_000;

let child: ChildProcess;
afterEach(() => {
  child.kill('SIGKILL');
});

it('prints NAME=value lines that lead to each, stays, and ends when it is asked to', async () => {
  child = spawn(process.execPath, ['demo/emulators.ts'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const printed = await readUntil(/Ctrl\+C/);
  const lines = printed.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  // A terminal takes no longer line; a program that reads such files sees what a shell sees.
  for (const line of lines) expect(line.length).toBeLessThan(4_000);
  const names = lines.map((line) => line.split('=', 1)[0] ?? '');
  const values = pasted(lines, names);
  expect(parseEnv(printed)).toEqual(values);
  expect(Object.keys(values)).toEqual([
    'OAUTH_ACCESS_TOKEN',
    'API_BASE_URL',
    'SCIM_BASE_URL',
    'BASE_URL',
    'ACCESS_TOKEN',
    ...[
      'OKTA_ORG_URL',
      'OKTA_API_TOKEN',
      'GOOGLE_SERVICE_ACCOUNT_KEY',
      'GOOGLE_SUBJECT',
      'GOOGLE_API_BASE_URL',
    ],
    ...[
      'GOOGLE_TOKEN_URL',
      'LDAP_URL',
      'LDAP_BIND_DN',
      'LDAP_BIND_PASSWORD',
      'LDAP_USER_BASE',
      'LDAP_GROUP_BASE',
    ],
  ]);
  const authorization = `Bearer ${values.OAUTH_ACCESS_TOKEN}`;
  const slack = await fetch(`${values.SCIM_BASE_URL}Users`, { headers: { authorization } });
  expect(await slack.json()).toMatchObject({ totalResults: 3 });
  const whose = await fetch(`${values.API_BASE_URL}auth.test`, {
    method: 'POST',
    headers: { authorization },
  });
  expect(await whose.json()).toMatchObject({ ok: true });
  const headers = { 'private-token': values.ACCESS_TOKEN ?? '' };
  const gitlab = await fetch(`${values.BASE_URL}/api/v4/groups/engineering/members`, { headers });
  expect(await gitlab.json()).toMatchObject([{ username: 'ada' }, { username: 'grace' }]);

  const okta = await fetch(`${values.OKTA_ORG_URL}/api/v1/users`, {
    headers: { authorization: `SSWS ${values.OKTA_API_TOKEN}` },
  });
  expect(await okta.json()).toHaveLength(2);
  expect(JSON.parse(values.GOOGLE_SERVICE_ACCOUNT_KEY ?? '')).toMatchObject({
    token_uri: values.GOOGLE_TOKEN_URL,
  });

  expect(child.exitCode).toBeNull();
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

/** What a shell makes of the lines. */
function pasted(lines: readonly string[], names: readonly string[]): Record<string, string> {
  const script = [...lines, ...names.map((name) => `printf '%s\\0' "$${name}"`)].join('\n');
  const values = execFileSync('sh', ['-euc', script], { encoding: 'utf8' }).split('\0');
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
}

async function readUntil(end: RegExp): Promise<string> {
  let text = '';
  const late = setTimeout(() => child.kill('SIGKILL'), WITHIN_MS);
  for await (const chunk of child.stdout as NonNullable<ChildProcess['stdout']>) {
    text += String(chunk);
    if (end.test(text)) break;
  }
  clearTimeout(late);
  return text;
}
