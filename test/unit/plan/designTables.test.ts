/** Plays every row of the decision tables in docs/design.md against the planner. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Change, changeKey, type Plan, replacesIdentity } from '../../../src/model/change.ts';
import { commonSettings, commonSpecs } from '../../../src/model/commonSettings.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import { judgeLoss } from '../../../src/plan/brake.ts';
import type { AccountLink, DisabledBy } from '../../../src/plan/drafting.ts';
import { type AccountPatch, type ComparedLink, membershipDrift, userDrift } from '../../../src/plan/drift.ts';
import { type GiveBack, giveAccountBack, giveMembershipBack } from '../../../src/plan/giveBack.ts';
import { planGroup } from '../../../src/plan/groups/group.ts';
import { decideMember, type MemberSituation } from '../../../src/plan/groups/member.ts';
import { keyStep } from '../../../src/plan/keys.ts';
import { type Judgement, judgeLosses, type KnownLoss } from '../../../src/plan/losses.ts';
import { NOTHING_IN_DOUBT } from '../../../src/plan/people/doubts.ts';
import { planUser } from '../../../src/plan/people/user.ts';

type Row = Readonly<Record<string, string>>;

const DESIGN = readFileSync(join(process.cwd(), 'docs/design.md'), 'utf8');

/** The rows of the nth table under a heading, as objects keyed by column name. */
function table(heading: string, nth = 0): readonly Row[] {
  const section = DESIGN.split(`\n${heading.startsWith('#') ? heading : `## ${heading}`}\n`)[1] ?? '';
  const tables = section.split(/\n##+ /)[0]?.match(/(?:^\|.*\n)+/gm) ?? [];
  const lines = (tables[nth] ?? '').split('\n').filter(Boolean);
  const cells = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''));
  const names = cells(lines[0] ?? '');
  return lines.slice(2).map((line) => Object.fromEntries(cells(line).map((cell, i) => [names[i], cell])));
}

const SPECS = [...commonSpecs({ groupProvisioning: 'Create' })];

/** "CREATE_USERS off, REMOVE_ACTION Delete" → settings; words that are no setting are returned apart. */
function readSettings(cell: string) {
  const given: Record<string, string | boolean | number> = {};
  const words: string[] = [];
  for (const word of cell
    .split(',')
    .map((w) => w.trim())
    .filter(Boolean)) {
    const [key = '', value = ''] = word.split(' ');
    if (SPECS.some((spec) => spec.key === key))
      given[key] =
        value === 'off' ? false : value === 'on' ? true : /^\d+$/.test(value) ? Number(value) : value;
    else words.push(word);
  }
  return { settings: commonSettings(withDefaults(SPECS, given)), words };
}

function planned(change: Change): string {
  if (change.op === 'adopt' && change.onlyToLose) return 'adopt with the loss';
  const op = replacesIdentity(change) ? 'replace' : change.op;
  return change.hold ? `hold ${op}` : op;
}

/** "adopt, skip enable: partiallySynced" as the test reads it off a plan. */
function outcome(plan: Plan): string {
  const changes = plan.changes.map(planned);
  const skips = plan.skipped.map((skip) => `skip ${skip.op}: ${skip.status}`);
  return [...changes, ...skips].join(', ') || 'nothing';
}

describe('People', () => {
  const rows = table('People');
  it('has rows', () => expect(rows.length).toBeGreaterThan(40));

  it.each(rows.map((row) => [row.row, row] as const))('%s', (_, row) => {
    const { settings, words } = readSettings(row.settings ?? '');
    const same = words.includes('nothing differs');
    const shown = { title: same ? 'new' : shownTitle(words) };
    const plan = planUser({
      desired: {
        kind: 'user',
        id: 'p',
        display: 'jane',
        lifecycle: row.lifecycle as 'active',
        identifier: words.includes('no identifier') ? null : 'jane@example.com',
        attributes: { title: 'new' },
        ...(words.includes('group of the rule deleted') ? { outOfScope: true, departedFrom: 'Crew' } : {}),
      },
      link: readLink(row.link ?? '', shown, words),
      account: ['enabled', 'disabled', 'locked', 'unapproved'].includes(row.account ?? '')
        ? {
            kind: 'user',
            remoteId: 'r',
            display: 'jane',
            ...accountState(row.account ?? ''),
            identifier: 'jane@example.com',
            attributes: shown,
            ...(words.includes('privileged') ? { privileged: true } : {}),
          }
        : null,
      doubts: NOTHING_IN_DOUBT,
      isTaken: words.includes('of another person'),
      lost: row.link === 'lost',
      shown: words.includes('identity is empty there') ? shown : {},
      storeName: 'Slack',
      settings,
      keptOnAdoption: [],
      foreignKept: words.includes('identity by somebody else') ? ['title'] : [],
      identityAttributes: words.some((word) => word.startsWith('identity')) ? ['title'] : [],
      isProtected: words.includes('protected'),
      takenKeys: new Map(words.includes('value of another account') ? [['title', 'cannot have it']] : []),
      temporary: new Map(words.includes('temporary value') ? [['title', null]] : []),
      namesProtected: words.includes('name of a protected account') ? ['title'] : [],
      isOwn: words.includes('made by the bridge'),
      removalDue: words.includes('time is up'),
    });
    expect(outcome(plan)).toBe(row.outcome);
    for (const skip of plan.skipped) expect(skip.reason).toMatch(/^jane .{10,}/);
  });
});

function shownTitle(words: readonly string[]): string {
  if (words.includes('identity differs in case')) return 'NEW';
  return words.includes('identity is empty there') ? '' : 'old';
}

function accountState(cell: string): { state: 'enabled' | 'locked'; awaitsApproval?: true } {
  return cell === 'unapproved' ? { state: 'locked', awaitsApproval: true } : { state: cell as 'enabled' };
}

function readLink(cell: string, shown: Record<string, string>, words: readonly string[]): AccountLink | null {
  if (cell === 'none' || cell === 'lost') return null;
  const refused = words.includes('not accepted');
  const notAccepted = refused ? { title: { wanted: 'new', reason: 'it is "old" there' } } : {};
  const privileged = words.includes('privileged');
  const isForeign = words.includes('identity by somebody else');
  const known = isForeign
    ? { applied: { title: 'ours' }, observed: shown }
    : { applied: shown, observed: {} };
  const link = { remoteId: 'r', ...known, notAccepted, privileged };
  if (cell === 'enabled' || cell === 'removed') return { ...link, state: cell, disabledBy: null };
  return { ...link, state: 'disabled', disabledBy: cell.replace('disabled by ', '') as DisabledBy };
}

describe('Groups', () => {
  it.each(table('Groups').map((row) => [row.row, row] as const))('%s', (_, row) => {
    const { settings, words } = readSettings(row.settings ?? '');
    const plan = planGroup({
      desired: {
        kind: 'group',
        id: 'g',
        display: 'Eng',
        lifecycle: row.lifecycle as 'active',
        name: 'Eng',
        memberLevel: null,
      },
      link: row.link?.startsWith('linked')
        ? {
            remoteId: 'r',
            origin: row.link.endsWith('created') ? 'created' : 'adopted',
            remoteName: row['remote group'] === 'other name' ? 'Engineering' : 'Eng',
          }
        : null,
      found: row['remote group'] === 'present' ? { remoteId: 'r', name: 'Eng' } : null,
      settings,
      deleteGroups: words.includes('DELETE_GROUPS on'),
      renameGroups: true,
      formerName: null,
      nameNotAccepted: words.includes('name not accepted') ? 'has a name that was not accepted' : null,
      takenName: words.includes('name of another group') ? 'cannot have the name' : null,
      fedByAnother: words.includes('fed by another group'),
      hasOthers: words.includes('members of others'),
      leftAlone: words.includes('protected') ? 'is left alone' : null,
      namesProtected: words.includes('name of a protected group'),
    });
    expect(outcome(plan)).toBe(row.outcome);
  });
});

const CIRCLES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  no: [],
  'of two': [['b', 'a']],
  'of three': [
    ['b', 'c'],
    ['c', 'a'],
  ],
  'of others': [
    ['b', 'c'],
    ['c', 'b'],
  ],
};

describe('Keys', () => {
  it.each(table('Keys').map((row) => [row.row, row] as const))('%s', (_, row) => {
    const step = keyStep({
      subjectId: 'a',
      holder: row.holder === 'nobody' ? null : { subjectId: 'b', givesUp: row.holder === 'gives it up' },
      waitsFor: new Map(CIRCLES[row.circle ?? '']),
    });
    expect(step === 'stepAside' ? 'step aside' : step).toBe(row.outcome);
  });
});

describe('Memberships', () => {
  it.each(table('Memberships').map((row) => [row.row, row] as const))('%s', (_, row) => {
    const { settings, words } = readSettings(row.settings ?? '');
    const [ledger = '', doubt] = (row.ledger ?? '').split(' in ');
    const [origin = '', ...level] = ledger.split(' at a ');
    const decision = decideMember({
      member: { personId: 'p', remoteId: 'r', display: 'jane', level: 30 },
      wanted: row.wanted === 'yes',
      lifecycle: row.person as MemberSituation['lifecycle'],
      account: row.account as MemberSituation['account'],
      ledger:
        origin === 'none'
          ? null
          : {
              origin: origin as 'added',
              level: level[0] === 'lower level' ? 20 : level[0] === 'higher level' ? 40 : 30,
              doubted: doubt === 'doubt',
            },
      level: 30,
      overwrite: settings.groupMembershipHandling === 'Overwrite',
      groupGone: words.includes('group gone'),
      isProtected: words.includes('protected'),
      isMachine: words.includes('machine'),
    });
    const parts = [
      ...(decision.take ? ['take'] : []),
      ...(decision.op === 'none' ? [] : [decision.op]),
      ...(decision.skipped ? [`skip ${decision.skipped.op}: partiallySynced`] : []),
    ];
    expect(parts.join(', ') || 'nothing').toBe(row.outcome);
  });
});

describe('The brake', () => {
  const disable: Change = {
    op: 'disable',
    subject: { kind: 'user', id: 'p', display: 'jane' },
    remoteId: 'r',
  };
  const revoke: Change = {
    op: 'revoke',
    subject: { kind: 'group', id: 'g', display: 'Eng' },
    remoteId: 'x',
    member: { personId: 'p', remoteId: 'r', display: 'jane', level: null },
  };
  const LIMIT = 10;

  it.each(table('The brake').map((row) => [row.row, row] as const))('%s', (_, row) => {
    const change = row.cause === 'empties a group' ? revoke : disable;
    const { settings, words } = readSettings(row.settings ?? '');
    const [state = '', otherwise] = (row.known ?? '').split(', ');
    const row0 = {
      id: 'h',
      change,
      changeKey: changeKey(change),
      reason: 'held before',
      decidedBy: 'an admin',
      decidedAt: null,
      undoBy: 'an admin',
    };
    const known = state === 'none' ? [] : [{ ...row0, state, desired: otherwise ? 'gone' : 'inactive' }];
    const judgement = judgeLosses({
      changes: [change],
      lossOf: { personKey: () => 'p', desired: () => 'inactive' },
      known: known as readonly KnownLoss[],
      released: new Set(words.includes('preview applied with what was held') ? [changeKey(change)] : []),
      confirmed: words.includes('store is being deleted'),
      decided: words.includes('approved at the source'),
      calledOff: new Map(),
      settings,
      window: {
        base: 30,
        used: row.window?.startsWith('full') ? LIMIT : LIMIT - 1,
        tripped: row.window === 'tripped',
      },
      inWindow: new Set(row.window?.endsWith('with the person') ? ['p'] : []),
      peopleOfCause: row.cause === 'too large' ? LIMIT + 1 : LIMIT,
      emptiesGroup: row.cause === 'empties a group' ? 'one cause would end all of it' : null,
    });
    expect(ruling(judgement)).toBe(row.outcome);
  });

  /** As the table says it. */
  function ruling({ allowed, reserved, skipped, kept, fresh, trips }: Judgement<Change>): string {
    const parts = [
      ...(allowed.length > 0 ? ['let through'] : []),
      ...(reserved.length > 0 ? ['reserve'] : []),
      ...skipped.map(({ status }) => `skip: ${status}`),
      ...(kept.length > 0 && skipped.length === 0 ? ['stays held'] : []),
      ...(trips === null ? [] : ['trip']),
      ...(fresh.length > 0 ? ['hold'] : []),
    ];
    return parts.join(', ');
  }

  it('limits by percent where that is more than the minimum', () => {
    const { settings } = readSettings('');
    const loss = { peopleOfCause: 1, alreadyInWindow: false, approved: false, emptiesGroup: null };
    expect(judgeLoss(settings, { base: 400, used: 19, tripped: false }, loss).verdict).toBe('pass');
    expect(judgeLoss(settings, { base: 400, used: 20, tripped: false }, loss).verdict).toBe('hold');
  });

  it('counts each person of a plan once, and trips with the first beyond the limit', () => {
    const { settings } = readSettings('');
    const revoke = (id: string, person: string): Change => ({
      op: 'revoke',
      subject: { kind: 'group', id: 'g', display: 'Eng' },
      remoteId: id,
      member: { personId: person, remoteId: `r-${person}`, display: person, level: null },
    });
    const judgement = judgeLosses({
      changes: [revoke('a', 'p'), revoke('b', 'p'), revoke('a', 'q'), revoke('a', 's')],
      lossOf: {
        personKey: (loss) => ('member' in loss ? (loss.member.personId ?? '') : ''),
        desired: () => 'unwanted',
      },
      known: [],
      released: new Set(),
      confirmed: false,
      decided: false,
      calledOff: new Map(),
      settings,
      window: { base: 30, used: LIMIT - 1, tripped: false },
      inWindow: new Set(),
      peopleOfCause: 3,
      emptiesGroup: null,
    });
    expect(judgement.reserved).toEqual(['p']);
    expect(judgement.allowed).toHaveLength(2);
    expect(judgement.fresh.map(({ personKey }) => personKey)).toEqual(['q', 's']);
    expect(judgement.trips).toContain('the limit is 10');
  });
});

describe('Giving back', () => {
  const subject = { kind: 'user', id: 'p', display: 'jane' } as const;
  const rows = table('Giving back');
  it('has rows', () => expect(rows.length).toBeGreaterThan(20));

  it.each(rows.map((row) => [row.row, row] as const))('%s', (_, row) => {
    const at = row['at the store'] ?? '';
    const is = (words: string) => at.includes(words);
    const then = row.directory === 'as then';
    if (row.taken === 'revoke') {
      const member = { personId: 'p', remoteId: 'r', display: 'jane', level: 30 };
      const change = {
        op: 'revoke',
        subject: { kind: 'group', id: 'g', display: 'Eng' },
        remoteId: 'x',
        member,
      } as const;
      const back = giveMembershipBack(
        { change, desired: 'unwanted' },
        {
          wanted: !then,
          isMember: is('a member'),
          account: is('removed') ? 'none' : is('disabled') ? 'disabled' : 'enabled',
          isComing: is('to be given back'),
          isProtected: is('protected') && !is('protected group'),
          isGroupProtected: is('protected group'),
        },
      );
      return expect(inWords(back)).toBe(row.outcome);
    }
    const [op = '', unknown] = (row.taken ?? '').split(' of what was not known');
    const attribute = { name: 'email', from: unknown === undefined ? 'old' : null, to: 'new' };
    const account = { subject, remoteId: is('another account') ? 'other' : 'r' };
    const change = (
      op === 'update' ? { ...account, op, attributes: [attribute] } : { ...account, op }
    ) as Change;
    const has = is('the old value') ? 'old' : is('a third value') ? 'third' : 'new';
    const back = giveAccountBack(
      { change, desired: 'inactive' },
      {
        desired: {
          ...subject,
          lifecycle: then ? 'inactive' : 'active',
          identifier: null,
          attributes: { email: then ? 'new' : 'newer' },
        },
        link: {
          remoteId: 'r',
          state: is('removed') ? 'removed' : is('disabled') || is('locked') ? 'disabled' : 'enabled',
          disabledBy: is('by the bridge')
            ? 'inactive'
            : is('by hand')
              ? 'hand'
              : is('locked')
                ? 'locked'
                : null,
          applied: { email: has },
          observed: {},
          privileged: false,
          notAccepted: {},
        },
        isProtected: is('protected'),
      },
    );
    expect(inWords(back)).toBe(row.outcome);
  });

  function inWords(back: GiveBack): string {
    return back.verdict === 'give' ? `give: ${back.change.op}` : back.verdict;
  }
});

const WRITTEN = '2026-01-01T10:00:00.000Z';
const BEGAN = '2026-01-01T11:00:00.000Z';
const SEEN = '2026-01-01T11:00:01.000Z';

describe('What a sync compares', () => {
  const rows = table('### What a sync compares');
  it('has rows', () => expect(rows.length).toBeGreaterThan(25));

  it.each(rows.map((row) => [row.row, row] as const))('%s', (_, row) => {
    const more = (row.more ?? '').split(', ');
    const isAbsent = row.seen === 'absent';
    const shown = { title: row.seen === 'other value' ? 'by hand' : 'new' };
    const [state = '', disabledBy = null] = (row.link ?? '').split(' by ');
    const refused = { title: { wanted: 'new', reason: 'it is "by hand" there' } };
    const link: ComparedLink = {
      remoteId: 'r',
      state: state as 'enabled',
      disabledBy: disabledBy as DisabledBy | null,
      applied: { title: 'new' },
      observed: more.includes('never shown')
        ? {}
        : { title: more.includes('shown before') ? 'by hand' : 'new' },
      notAccepted: more.includes('not accepted before') ? refused : {},
      privileged: false,
      updatedAt: more.includes('written since the scan began') ? SEEN : WRITTEN,
      drift: more.includes('just repaired') ? { repaired: { title: 'by hand' } } : null,
    };
    const drift = userDrift(
      link,
      {
        kind: 'user',
        id: 'p',
        display: 'jane',
        lifecycle: row.person as 'active',
        identifier: 'jane@example.com',
        attributes: { title: 'new' },
      },
      isAbsent
        ? undefined
        : {
            seenAt: more.includes('before the last write') ? WRITTEN : SEEN,
            remote: {
              kind: 'user',
              remoteId: 'r',
              display: 'jane',
              ...accountState(row.seen === 'other value' ? 'enabled' : (row.seen ?? '')),
              identifier: 'jane@example.com',
              attributes: shown,
              ...(more.includes('became privileged') ? { privileged: true } : {}),
            },
          },
      BEGAN,
    );
    expect(drift.items.map(({ kind }) => kind).join(', ') || 'nothing').toBe(row.found);
    expect(taken(link, drift.patch)).toBe(row.taken);
  });

  it.each(table('### What a sync compares', 1).map((row) => [row.row, row] as const))('%s', (_, row) => {
    const [origin = ''] = (row.ledger ?? '').split(' ');
    const doubted = row.ledger?.endsWith('in doubt') === true;
    const entry = { remoteUserId: 'u', display: 'joe', origin: origin as 'added', doubted };
    const member = { personId: 'p', remoteId: 'u', display: 'joe', level: null };
    const group = { subject: { kind: 'group', id: 'g', display: 'Eng' }, remoteId: 'r' } as const;
    const op = row.planned === 'nothing' ? null : (row.planned as 'grant');
    const found = membershipDrift(group, {
      unseen: row.listed === 'no' ? [entry] : [],
      planned: op === null ? [] : [{ op, subject: group.subject, remoteId: 'r', member }],
      foreign: new Set(origin === 'foreign' ? ['u'] : []),
      lowered: new Set(row.ledger?.endsWith('lowered level') ? ['u'] : []),
    });
    expect(found.map(({ kind }) => kind).join(', ') || 'nothing').toBe(row.found);
  });
});

/** What a link says otherwise from now on, as the table has it. */
function taken(link: ComparedLink, patch: AccountPatch | null): string {
  if (patch === null) return 'nothing';
  const words: string[] = [];
  if (patch.disabledBy) words.push(`disabled by ${patch.disabledBy}`);
  else if (patch.state) words.push(patch.state);
  if (patch.observed && link.observed.title === undefined) words.push('shown');
  else if (patch.observed) words.push(patch.applied?.title === link.applied.title ? 'kept' : 'its value');
  if (patch.notAccepted) words.push(patch.notAccepted.title ? 'not accepted' : 'accepted');
  if (patch.privileged) words.push('privileged');
  return words.join(', ');
}
