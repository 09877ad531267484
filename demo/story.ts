/** The story, scene by scene, in the requests that Okta sends (developer.okta.com, SCIM 2.0). */

import type { Json } from './bridge.ts';
import {
  ADA,
  ALAN,
  EVERYBODY,
  GRACE,
  groupBody,
  JOAN,
  KIM,
  type Person,
  patchBody,
  RADIA,
  SALES,
  userBody,
} from './cast.ts';
import { type Asking, playScene, type Stage } from './scene.ts';

/** SCIM ids: of people by email address, of groups by name. */
type Ids = Map<string, string>;

const FIRST_FOUR = [ADA, GRACE, ALAN, JOAN];
const GROUPS = ['engineering', 'design'];

export async function playStory(stage: Stage): Promise<void> {
  const ids: Ids = new Map();
  await onboard(stage, ids);
  await pushGroups(stage, ids);
  await changeTitle(stage, ids);
  await moveGroup(stage, ids);
  await leave(stage, ids);
  await rehire(stage, ids);
  await hireSales(stage, ids);
  await misconfigure(stage, ids);
  await decide(stage);
  await repair(stage, ids);
}

function onboard(stage: Stage, ids: Ids): Promise<void> {
  const about = 'Grace has had a Slack account for years: it is adopted, not made twice.';
  return playScene(
    stage,
    { title: 'Day one: Okta assigns four people', about, people: FIRST_FOUR },
    (asking) => assign(asking, ids, FIRST_FOUR),
  );
}

/** Okta looks each person up before it creates them. */
async function assign({ okta }: Asking, ids: Ids, people: readonly Person[]): Promise<void> {
  for (const who of people) {
    await okta('asks', who.given, 'GET', lookup(who));
    const made = await okta('creates', who.given, 'POST', '/Users', userBody(who));
    ids.set(who.email, made.body.id);
  }
}

function lookup({ email }: Person): string {
  return `/Users?filter=${encodeURIComponent(`userName eq "${email}"`)}&startIndex=1&count=100`;
}

function pushGroups(stage: Stage, ids: Ids): Promise<void> {
  const scene = {
    title: 'Okta pushes two groups',
    about: 'Slack and Demo get them made; GitLab has groups of these names, which are matched.',
    people: FIRST_FOUR,
    groups: GROUPS,
  };
  return playScene(stage, scene, async ({ okta }) => {
    for (const [name, people] of [
      ['engineering', [ADA, GRACE, ALAN]],
      ['design', [JOAN]],
    ] as const) {
      const made = await okta('creates', name, 'POST', '/Groups', groupBody(name));
      ids.set(name, made.body.id);
      const members = people.map((who) => ({ value: ids.get(who.email), display: who.email }));
      const body = patchBody({ op: 'replace', path: 'members', value: members });
      const what = `${name} + ${people.map((who) => who.given).join(', ')}`;
      await okta('pushes', what, 'PATCH', `/Groups/${made.body.id}`, body);
    }
  });
}

function changeTitle(stage: Stage, ids: Ids): Promise<void> {
  const scene = {
    title: 'Ada is promoted',
    about: 'Okta sends the whole user; each store gets one call with the one attribute that differs.',
    people: [ADA],
    titles: true,
  };
  return playScene(stage, scene, async ({ okta }) => {
    const path = `/Users/${ids.get(ADA.email)}`;
    const { body } = await okta('reads', ADA.given, 'GET', path);
    await okta('replaces', 'Ada: title = Staff Engineer', 'PUT', path, { ...body, title: 'Staff Engineer' });
  });
}

function moveGroup(stage: Stage, ids: Ids): Promise<void> {
  const about = 'One membership less and one more: one call for each.';
  const scene = { title: 'Alan moves from engineering to design', about, people: [ALAN], groups: GROUPS };
  return playScene(stage, scene, async ({ okta }) => {
    const id = ids.get(ALAN.email);
    const out = patchBody({ op: 'remove', path: `members[value eq "${id}"]` });
    await okta('removes', 'engineering − Alan', 'PATCH', `/Groups/${ids.get('engineering')}`, out);
    const into = patchBody({ op: 'add', path: 'members', value: [{ value: id, display: ALAN.email }] });
    await okta('adds', 'design + Alan', 'PATCH', `/Groups/${ids.get('design')}`, into);
  });
}

function leave(stage: Stage, ids: Ids): Promise<void> {
  const about = 'Okta never deletes people, it deactivates them. One call to each store ends the access.';
  const scene = { title: 'Alan leaves', about, people: [ALAN], groups: GROUPS };
  return playScene(stage, scene, (asking) => setActive(asking, ids, [ALAN], false));
}

async function setActive(
  { okta }: Asking,
  ids: Ids,
  people: readonly Person[],
  active: boolean,
): Promise<void> {
  for (const who of people) {
    const body = patchBody({ op: 'replace', value: { active } });
    const op = active ? 'reactivates' : 'deactivates';
    await okta(op, who.given, 'PATCH', `/Users/${ids.get(who.email)}`, body);
  }
}

function rehire(stage: Stage, ids: Ids): Promise<void> {
  const about = 'The same accounts as before are enabled again, with the memberships that Okta still wants.';
  const scene = { title: 'Alan is hired again', about, people: [ALAN], groups: GROUPS };
  return playScene(stage, scene, async ({ okta }) => {
    const found = await okta('asks', ALAN.given, 'GET', lookup(ALAN));
    const [user] = found.body.Resources;
    await okta('replaces', 'Alan: active = true', 'PUT', `/Users/${ids.get(ALAN.email)}`, {
      ...user,
      active: true,
    });
  });
}

function hireSales(stage: Stage, ids: Ids): Promise<void> {
  const about = 'Joiners are never held up.';
  const scene = { title: `A sales team of ${SALES.length} joins`, about, people: EVERYBODY };
  return playScene(stage, scene, (asking) => assign(asking, ids, SALES));
}

function misconfigure(stage: Stage, ids: Ids): Promise<void> {
  const lost = [ALAN, ...SALES];
  const scene = {
    title: `An Okta app is misconfigured and deactivates ${lost.length} of ${EVERYBODY.length - 1} people`,
    about:
      'Ten may lose access within an hour, then the brake trips: the rest keeps it until a person decides. Radia, who joins meanwhile, is not held up.',
    people: EVERYBODY,
  };
  return playScene(stage, scene, async (asking) => {
    await setActive(asking, ids, lost, false);
    await assign(asking, ids, [RADIA]);
  });
}

function decide(stage: Stage): Promise<void> {
  const scene = {
    title: 'An administrator decides what was held',
    about: 'Kim has really left: her loss is approved. Everybody else was a mistake: those are discarded.',
    people: EVERYBODY,
  };
  return playScene(stage, scene, async ({ admin }) => {
    for (const { id, name } of stage.stores) {
      const path = `/propagation/stores/${id}/held`;
      const { body } = await stage.bridge.admin('GET', `${path}?limit=1000`);
      const held: readonly Json[] = body._embedded.held;
      const kims = held.filter(({ subject }) => String(subject.display).toLowerCase() === KIM.email);
      const idsOfKim = kims.map((row) => row.id);
      await admin('approves', `${name}: Kim`, 'POST', `${path}/approve`, { ids: idsOfKim });
      const rest = `${name}: ${held.length - kims.length} others`;
      await admin('discards', rest, 'POST', `${path}/discard`, { all: true });
    }
  });
}

function repair(stage: Stage, ids: Ids): Promise<void> {
  const back = [ALAN, ...SALES].filter((who) => who !== KIM);
  const scene = {
    title: 'The app is repaired, and Okta reactivates everybody but Kim',
    about: 'Who lost access gets it back. Who was held never noticed, and their stores receive nothing.',
    people: EVERYBODY,
    groups: ['design'],
  };
  return playScene(stage, scene, (asking) => setActive(asking, ids, back, true));
}
