/**
 * What the first start shows the person who started it: URLs, tokens and three commands to try. The text is also
 * valid shell: sourced or pasted, it sets the variables that its commands use.
 */

export interface FirstStart {
  readonly publicUrl: string;
  readonly environmentId: string;
  /** Null where `ADMIN_TOKEN` is set: the first start makes no tokens then. */
  readonly tokens: { readonly scim: string; readonly admin: string } | null;
  /** Null where the first start makes no tokens. */
  readonly signInLink: string | null;
}

/** `commandPrefix` is `# ` in the file, so that sourcing it runs no command. */
export function firstStartText(start: FirstStart, commandPrefix: string): string {
  const { publicUrl, environmentId, tokens, signInLink } = start;
  const variables = [
    `SCIM_URL=${publicUrl}/scim/v2`,
    ...(tokens ? [`SCIM_TOKEN=${tokens.scim}`] : []),
    `ADMIN_URL=${publicUrl}/v1`,
    ...(tokens ? [`ADMIN_TOKEN=${tokens.admin}`] : []),
  ];
  return [
    '# scim-bridge, first start. These tokens are shown only here: keep them, and let nobody see them.',
    ...(tokens ? ['# The admin token ends after 30 days, unless it is renewed (docs/operating.md).'] : []),
    ...variables,
    ...(signInLink ? [`# Signed in with a browser, once and within 15 minutes: ${signInLink}`] : []),
    '',
    '# The next three commands to try (bash): make a demo store, push a person, see the account.',
    ...commands(environmentId).map((command) => commandPrefix + command),
    '',
  ].join('\n');
}

function commands(environmentId: string): readonly string[] {
  const stores = `"$ADMIN_URL/environments/${environmentId}/propagation/stores"`;
  const admin = '-H "Authorization: Bearer $ADMIN_TOKEN"';
  const store = { type: 'Demo', name: 'First look', status: 'ACTIVE', configuration: {} };
  const person = {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: 'ada@example.com',
    name: { givenName: 'Ada', familyName: 'Lovelace' },
    emails: [{ value: 'ada@example.com', primary: true }],
    active: true,
  };
  const idOfAnswer = `node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).id'`;
  return [
    `STORE_ID=$(curl -sS ${stores} ${admin} -H 'Content-Type: application/json' -d '${JSON.stringify(store)}' | ${idOfAnswer})`,
    `curl -sS "$SCIM_URL/Users" -H "Authorization: Bearer $SCIM_TOKEN" -H 'Content-Type: application/scim+json' -d '${JSON.stringify(person)}'`,
    `curl -sS "$ADMIN_URL/environments/${environmentId}/propagation/stores/$STORE_ID/accounts" ${admin}`,
  ];
}

/**
 * With `ADMIN_TOKEN` set, the first start makes no token; this command makes the one that an identity provider needs.
 */
export function scimTokenCommand(publicUrl: string, environmentId: string, connectionId: string): string {
  return `curl -sS -X POST "${publicUrl}/v1/environments/${environmentId}/connections/${connectionId}/scim-configuration/tokens" -H "Authorization: Bearer $ADMIN_TOKEN" -H 'Content-Type: application/json' -d '{}'`;
}
