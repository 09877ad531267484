/** What the demo says before the story and after it. */

import type { Bridge } from './bridge.ts';
import { ADA, patchBody } from './cast.ts';
import type { Stage } from './scene.ts';
import type { Target } from './stores.ts';
import type { Paint } from './table.ts';

export function opening(bridge: Bridge, targets: readonly Target[], paint: Paint): readonly string[] {
  const line = (name: string, text: string) => `  ${paint.bold(name.padEnd(7))} ${text}`;
  return [
    '',
    ` ${paint.bold('scim-bridge')}: your identity provider pushes people and groups, every store follows.`,
    ' All of this runs on this machine, without any account.',
    '',
    line('Bridge', `${bridge.url}, the real one, on a temporary SQLite database`),
    ...targets.map((target) => line(target.name, target.about)),
    '',
    ' Each scene shows what Okta asked of the bridge, what each store then received, and how it is now.',
    ' "after" is the time from the SCIM answer until the vendor received the call.',
  ];
}

export interface Ending {
  readonly seconds: number;
  /** Whether the bridge stays up. */
  readonly stays: boolean;
}

export async function closing(stage: Stage, { seconds, stays }: Ending): Promise<readonly string[]> {
  const { bridge, stores, paint } = stage;
  const done = ` ${paint.bold('The end')}, after ${seconds} seconds.`;
  if (!stays) {
    return [
      '',
      `${done} Everything is stopped and removed. To explore further:`,
      '   npm run demo    in a terminal: the bridge then stays up, with commands to try',
      '   npm start       your own bridge, with the three commands to begin with',
      '',
    ];
  }
  const slack = stores.find(({ type }) => type === 'Slack')?.id;
  const ada = await bridge.scim('GET', `/Users?filter=${encodeURIComponent(`userName eq "${ADA.email}"`)}`);
  const adaId = ada.body.Resources[0]?.id;
  const comment = (text: string) => `   ${paint.dim(`# ${text}`)}`;
  return [
    '',
    `${done} The bridge and the emulators stay up, with everything as it is now.`,
    ' Paste these into another terminal to explore:',
    '',
    `   V1=${bridge.url}/v1/environments/default`,
    `   SCIM=${bridge.url}/scim/v2`,
    `   ADMIN="Authorization: Bearer ${bridge.adminToken}"`,
    `   IDP="Authorization: Bearer ${bridge.scimToken}"`,
    comment('how Ada is on each store, and why'),
    `   curl -sS -H "$ADMIN" $V1/users/${adaId}/syncStatus`,
    comment('the audit log: who caused what, with the calls to the vendors'),
    `   curl -sS -H "$ADMIN" "$V1/events?subjectId=${adaId}&limit=5"`,
    comment('what a sync would change on Slack, without changing it'),
    `   curl -sS -H "$ADMIN" -X POST $V1/propagation/stores/${slack}/preview`,
    comment(
      'be the identity provider: deactivate Ada. Ten have lost access this hour, so she is held: ask again',
    ),
    `   curl -sS -H "$IDP" -H 'Content-Type: application/scim+json' -X PATCH $SCIM/Users/${adaId} \\`,
    `     -d '${JSON.stringify(patchBody({ op: 'replace', value: { active: false } }))}'`,
    '',
    ` ${paint.bold('Ctrl-C')} stops everything and removes what the demo wrote.`,
    '',
  ];
}
