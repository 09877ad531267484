/** What a plan itself holds: it waits for an admin, whatever the limits of the brake say. */

import { changeKey, type HoldKind, type UserChange } from '../../../src/model/change.ts';
import { commonSettings, commonSpecs } from '../../../src/model/commonSettings.ts';
import { withDefaults } from '../../../src/model/settings.ts';
import { judgeLosses, type KnownLoss } from '../../../src/plan/losses.ts';

const SUBJECT = { kind: 'user', id: 'p', display: 'kim' } as const;
const on = { subject: SUBJECT, remoteId: 'r' };

function judge(
  changes: readonly UserChange[],
  {
    known = [],
    released = [],
    undoneAt = null,
    decided = false,
  }: {
    readonly known?: readonly KnownLoss[];
    readonly released?: readonly string[];
    readonly undoneAt?: string | null;
    readonly decided?: boolean;
  } = {},
) {
  return judgeLosses({
    changes,
    known,
    released: new Set(released),
    lossOf: { personKey: () => 'p', desired: () => 'active' },
    confirmed: false,
    decided,
    calledOff: new Map(undoneAt === null ? [] : [['p', { by: 'Bob', at: undoneAt }]]),
    settings: commonSettings(
      withDefaults(commonSpecs({ groupProvisioning: 'Create' }), { BRAKE_PERCENT: 100 }),
    ),
    window: { base: 100, used: 0, tripped: false },
    inWindow: new Set(),
    peopleOfCause: 1,
    emptiesGroup: null,
  });
}

const DECIDED_AT = '2026-01-05T08:00:00.000Z';
const held = (kind: HoldKind = 'speaker') => ({ hold: { kind, reason: `because of ${kind}` } });
const said = (change: UserChange, state: KnownLoss['state']): KnownLoss => ({
  ...{ id: `${change.op}-row`, change, changeKey: changeKey(change), state, desired: 'active' },
  ...{ reason: 'as before', decidedBy: 'Ada', decidedAt: DECIDED_AT, undoBy: null },
});

it('holds one change of a plan, and lets the others run', () => {
  const update: UserChange = { ...on, op: 'update', attributes: [], ...held() };
  const enable: UserChange = { ...on, op: 'enable' };
  const { allowed, fresh, heldReasons } = judge([enable, update]);
  expect(allowed).toEqual([enable]);
  expect(fresh).toMatchObject([{ changeKey: changeKey(update) }]);
  expect(heldReasons).toEqual(['because of speaker']);
});

it('goes by what an admin said', () => {
  const enable: UserChange = { ...on, op: 'enable', ...held() };
  expect(judge([enable], { known: [said(enable, 'approved')] })).toMatchObject({
    allowed: [enable],
    approvals: new Map([[changeKey(enable), 'enable-row']]),
  });
  expect(judge([enable], { known: [said(enable, 'held')] })).toMatchObject({
    allowed: [],
    kept: ['enable-row'],
  });
  expect(judge([enable], { known: [said(enable, 'discarded')] })).toMatchObject({
    allowed: [],
    skipped: [{ reason: 'discarded by Ada', status: 'unsynced' }],
  });
  expect(judge([enable], { released: [changeKey(enable)] }).allowed).toEqual([enable]);
});

it('lets an approval pass the limits, where what it holds is a loss', () => {
  const disable: UserChange = { ...on, op: 'disable', ...held('privileged') };
  expect(judge([disable]).fresh).toHaveLength(1);
  expect(judge([disable], { known: [said(disable, 'approved')] })).toMatchObject({
    allowed: [disable],
    reserved: [],
  });
});

it.each<HoldKind>(['rule', 'speaker', 'privileged', 'confusable', 'identity'])(
  'is not let go by an approval at the source, where nobody was told of it: %s',
  (kind) => {
    const disable: UserChange = { ...on, op: 'disable' };
    const waits: UserChange = { ...disable, ...held(kind) };
    expect(judge([disable], { decided: true }).allowed).toEqual([disable]);
    expect(judge([waits], { decided: true })).toMatchObject({ allowed: [], fresh: [{ change: waits }] });
    expect(judge([waits], { decided: true, known: [said(waits, 'held')] }).allowed).toEqual([]);
  },
);

it('makes nothing of an account whose linking waits', () => {
  const adopt: UserChange = { ...on, op: 'adopt', ...held() };
  const enable: UserChange = { ...on, op: 'enable', ...held() };
  const approvedAlone = judge([adopt, enable], { known: [said(adopt, 'held'), said(enable, 'approved')] });
  expect(approvedAlone).toMatchObject({ allowed: [], kept: ['adopt-row', 'enable-row'] });
});

it('never lets the lists of the brake say who somebody is', () => {
  const adopt: UserChange = { ...on, op: 'adopt', ...held('identity') };
  const answered = judge([adopt], { known: [said(adopt, 'approved')], released: [changeKey(adopt)] });
  expect(answered).toMatchObject({ allowed: [], heldReasons: ['because of identity'] });
});

it('takes nothing that an undo called off, unless somebody approved it since', () => {
  const disable: UserChange = { ...on, op: 'disable' };
  const known = [said(disable, 'approved')];
  const [before, after] = ['2026-01-05T07:59:59.999Z', '2026-01-05T08:00:00.001Z'];
  const declined = { allowed: [], skipped: [{ reason: 'discarded by Bob', status: 'unsynced' }] };
  expect(judge([disable], { undoneAt: before })).toMatchObject(declined);
  expect(judge([disable], { known, undoneAt: after })).toMatchObject(declined);
  expect(judge([disable], { known, undoneAt: before })).toMatchObject({ allowed: [disable], declined: [] });
});
