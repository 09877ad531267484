/**
 * Guards of the product, and how to take out each: the simulation must notice its absence. Each text occurs exactly
 * once in its file, which `test/simulation/mutants.test.ts` checks.
 */

export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  readonly name: string;
  /** What the guard guarantees, in a sentence. */
  readonly guard: string;
  readonly edits: readonly Edit[];
  /** Only histories of this theme are played; null: all are. */
  readonly theme: string | null;
}

/** Themes of histories that alone can notice the absence of these guards. For them no other histories are played. */
export const THEMES: Readonly<Record<string, readonly string[]>> = {
  manners: ['credentialDoubt', 'absence', 'compared'],
  swaps: ['keyWaits', 'keyCircles'],
  keepsMemberships: ['doubtedMembers'],
  replaced: ['lost', 'lostUnheard'],
  incidents: ['discards', 'undone', 'remembered', 'givenBack', 'memberGivenBack'],
  rewrites: ['identity'],
  preview: ['previewScans', 'previewDrift'],
  limit: ['pausePerKind'],
  keys: ['renamedGroups', 'swappedKeys', 'appliedDrift', 'appliedNames', 'loweredLevels', 'onlyReported'],
  lostGroups: ['lostGroupPeople', 'lostGroupMembers'],
  pretence: ['vendorsShape'],
  onlyOwners: ['blockedInstead'],
  lists: ['emptyLists', 'barrenPages'],
  locks: ['bannedAccounts'],
  refusals: ['refusedNameSlack', 'refusedNameGitLab', 'refusedMembers'],
  protectedGroups: ['protectedGroups'],
  late: ['lateWrites'],
  settings: ['settingsAtOnce'],
  pulled: [
    'lostPages',
    'oneUnknown',
    'leaversAsked',
    'narrowedRole',
    'olderRecords',
    'olderKept',
    'broughtBack',
    'otherAccount',
    'olderGroups',
    'groupsBroughtBack',
  ],
};

function mutant(
  name: string,
  guard: string,
  ...edits: readonly (readonly [string, string, string])[]
): Mutant {
  const theme = Object.keys(THEMES).find((each) => THEMES[each]?.includes(name)) ?? null;
  return { name, guard, theme, edits: edits.map(([file, from, to]) => ({ file, from, to })) };
}

export const MUTANTS: readonly Mutant[] = [
  mutant('foreignMembers', "a membership that is not the bridge's stays under `Merge`", [
    'src/settle/groups/memberLook.ts',
    "planning.context.settings.groupMembershipHandling === 'Overwrite'",
    'true',
  ]),
  mutant(
    'claimCreated',
    "what an unanswered creation made is the bridge's, under the identifier it had then",
    ['src/settle/recovery/user.ts', 'return findCreated(attempt, link, desired);', 'return { link };'],
  ),
  mutant('protectedAccounts', 'protected accounts are left alone', [
    'src/settle/situation.ts',
    'remoteId === undefined ? null : seen.protect(remoteId, names)',
    'null',
  ]),
  mutant('protectedGroups', 'protected groups are left alone', [
    'src/settle/groups/protection.ts',
    'return entry === null ? null :',
    'return true ? null :',
  ]),
  mutant('brakeReserves', 'the brake reserves before the call', [
    'src/settle/gate/brake.ts',
    'for (const person of judgement.reserved)\n    await send(tx, [reservingPerson(store.id, person, base, attempt.now())]);\n',
    '',
  ]),
  mutant('taskSeq', 'a write that comes while its subject is worked on makes the task run again', [
    'src/db/queue/queue.ts',
    "const task = db('tasks').where({ id, seq });",
    "const task = db('tasks').where({ id });",
  ]),
  mutant('intent', 'the intent is written before the first call, and whoever finds it looks first', [
    'src/settle/attempt.ts',
    'this.unknownOutcome = work.task.intent !== null || work.task.attempts > 0;',
    'this.unknownOutcome = false;',
  ]),
  mutant(
    'settingsAtOnce',
    'settings take effect at once',
    [
      'src/settle/attempt.ts',
      'if (held.contextVersion !== contextVersion) throw new PlanOutdated(id);',
      'void contextVersion;',
    ],
    ['src/db/brake/gateBooks.ts', "tx('held').where({ context_version: contextVersion })", "tx('held')"],
    [
      'src/settle/attempt.ts',
      'const goesOn = (await holdContextVersion(tx, id)) === contextVersion;',
      'const goesOn = contextVersion >= 0;',
    ],
    [
      'src/settle/attempt.ts',
      'if ((await contextVersionOf(this.db, id)) !== contextVersion) throw new PlanOutdated(id);',
      'void contextVersion;',
    ],
    [
      'src/work/storeTasks.ts',
      "if (task.contextVersion !== context.store.contextVersion) return 'outdated';\n",
      '',
    ],
  ),
  mutant('lateWrites', 'a write whose answer never came is looked at once more', [
    'src/work/storeTasks.ts',
    "return error instanceof RemoteError && error.disposition === 'unknownOutcome';",
    'return error === null;',
  ]),
  mutant('credentialDoubt', 'a refusal of everybody is about the credential', [
    'src/work/credentialJudge.ts',
    '    if (bad !== null && began',
    '    if (store.id) return;\n    if (bad !== null && began',
  ]),
  mutant('absence', 'no absence is believed on the word of a token that lost its rights', [
    'src/settle/recovery/user.ts',
    'if (attempt.context.connector.showsLess) await attempt.proveRights();',
    '',
  ]),
  mutant('keyWaits', 'who wants a key that another is about to give up waits', [
    'src/plan/keys.ts',
    "if (!holder?.givesUp) return 'take';",
    "if (!holder?.givesUp || subjectId !== '') return 'take';",
  ]),
  mutant('keyCircles', "of those who wait for each other's keys one steps aside", [
    'src/plan/keys.ts',
    "? 'stepAside' : 'wait'",
    "? 'wait' : 'wait'",
  ]),
  mutant('doubtedMembers', 'memberships of a disabled account are doubted, not forgotten', [
    'src/settle/people/linkWrites.ts',
    'await send(tx, [doubtingMembershipsOf(store.id, change.remoteId)]);',
    'await forgetAccount(tx, store.id, change.remoteId);',
  ]),
  mutant('compared', 'what was sent is compared with what came', [
    'src/connectors/notAccepted.ts',
    'if (observed === undefined) return [];',
    "if (observed === undefined || change.op !== 'delete') return [];",
  ]),
  mutant('lost', "who took a leaver's place is looked for", [
    'src/settle/people/settleUser.ts',
    '    await attempt.noteLost(tx);\n',
    '',
  ]),
  mutant('lostUnheard', "who took a leaver's place is looked for, after an unheard answer too", [
    'src/settle/recovery/user.ts',
    '    attempt.lost ||= losesSuccessor(desired, link);\n',
    '    void losesSuccessor;\n',
  ]),
  mutant('discards', 'a discarded loss is remembered until the directory moves', [
    'src/plan/losses.ts',
    "return state === 'discarded' || state === 'undone';",
    "return state === 'undone';",
  ]),
  mutant('undone', 'an undone loss is remembered until the directory moves', [
    'src/plan/losses.ts',
    "return state === 'discarded' || state === 'undone';",
    "return state === 'discarded';",
  ]),
  mutant('remembered', 'a declined loss is remembered while nothing would take it', [
    'src/plan/losses.ts',
    '  if (endsAccount(row.change)) return lossOf.desired(row.change) === row.desired;\n',
    '',
  ]),
  mutant('givenBack', 'an undo gives back what the incident took', [
    'src/plan/giveBack.ts',
    "return { verdict: 'give', change: { op: 'enable', subject: subjectOf(account), remoteId: link.remoteId } };",
    "return { verdict: 'given' };",
  ]),
  mutant('memberGivenBack', 'an undo gives memberships back', [
    'src/plan/giveBack.ts',
    "return { verdict: 'give', change: { ...change, op: 'grant' } };",
    "return { verdict: 'given' };",
  ]),
  mutant('discardedUnderWay', 'what is discarded while a store takes it is given back', [
    'src/control/losses/decide.ts',
    "?.state === 'pending')",
    "?.state === 'parked')",
  ]),
  mutant('identity', 'a replaced address or user name is a loss', [
    'src/plan/people/attributes.ts',
    'if (!identity.includes(name) || !isReplaced) harmless',
    'if (true) harmless',
  ]),
  mutant('previewScans', 'a preview starts from what its scan found', [
    'src/sync/preview/pages.ts',
    '  return byScan(step, scanOf(step));',
    '  return byScan(step, { ...scanOf(step), repair: false });',
  ]),
  mutant('previewDrift', 'a preview marks what undoes a change by hand', [
    'src/sync/preview/pages.ts',
    'drift: personDrift(facts, change)',
    'drift: false',
  ]),
  mutant('renamedGroups', 'a sync finds which groups people renamed by hand', [
    'src/plan/groups/nameDrift.ts',
    'if (found === before) return NO_DRIFT;',
    "if (found !== '') return NO_DRIFT;",
  ]),
  mutant('swappedKeys', 'who has which key is known again after people swapped some by hand', [
    'src/sync/recordDrift.ts',
    '    await recordKeys(tx, keyWork(step), { ...link, ...drift.patch });\n',
    '',
  ]),
  mutant('appliedDrift', 'an applied preview undoes what it marked as changed by hand', [
    'src/sync/preview/appliedDrift.ts',
    'for (const { facts } of people) await recordPersonDrift(tx, step, scan, facts);',
    'void people;',
  ]),
  mutant('appliedNames', 'an applied preview gives groups their names back', [
    'src/sync/preview/appliedDrift.ts',
    'await recordNameDrift(tx, step, scan, facts);',
    'void scan;',
  ]),
  mutant('loweredLevels', 'a level that somebody lowered is reported', [
    'src/plan/groups/members.ts',
    "if (ledger?.lowered && ledger.origin !== 'foreign') lowered",
    "if (ledger?.origin === 'foreign') lowered",
  ]),
  mutant('onlyReported', 'a sync that reports touches nothing', [
    'src/settle/people/scanned.ts',
    'return patch !== null && (repair ||',
    'return patch !== null && (repair || items.length > 0 ||',
  ]),
  mutant('pausePerKind', 'a pause is that of one kind of request', [
    'src/connectors/pacer.ts',
    'if (own) own.pausedUntil = Math.max(own.pausedUntil, until);\n    else pausedUntil',
    'pausedUntil',
  ]),
  mutant('lostGroupPeople', 'whoever is outside because a group went is held', [
    'src/plan/people/user.ts',
    'return departedFrom === undefined ? {}',
    "return departedFrom !== 'x' ? {}",
  ]),
  mutant('lostGroupMembers', 'memberships that went with the group are held', [
    'src/settle/groups/ruleHolds.ts',
    'if (named.length === 0 ||',
    'if (named.length >= 0 ||',
  ]),
  mutant('vendorsShape', 'only the answers that Slack documents for a deactivation count', [
    'src/connectors/slack/api/calls.ts',
    "200: resource('user', id, ({ active }) => active === false)",
    '200: () => null',
  ]),
  mutant('blockedInstead', 'where a deletion is refused the account is blocked', [
    'src/connectors/gitlab/userStates.ts',
    'if (!isLasting(attempt, refusal)) throw',
    'if (refusal.status !== 0) throw',
  ]),
  mutant('emptyLists', 'an empty list is not believed', [
    'src/sync/scan.ts',
    'if (people > 0) throw emptyList',
    'if (people < 0) throw emptyList',
  ]),
  mutant('barrenPages', 'ten pages without anything new are not followed', [
    'src/plan/listProgress.ts',
    'if (without >= BARREN_PAGES_MAX)',
    'if (without >= LIST_ROWS_MAX)',
  ]),
  mutant('bannedAccounts', 'a banned account is not unblocked', [
    'src/connectors/gitlab/userStates.ts',
    "  if (observed.state === 'locked') throw failed(action, 'forbidden', whyLocked(row));\n",
    '',
  ]),
  mutant('refusedNameSlack', 'a name that Slack refuses does not take the other attributes with it', [
    'src/connectors/slack/userWrites.ts',
    '    if (refusedNow.length === 0) {\n',
    '    if (refusedNow.length >= 0) {\n',
  ]),
  mutant('refusedNameGitLab', 'a user name that GitLab refuses does not take the other attributes with it', [
    'src/connectors/gitlab/userWrites.ts',
    '    const error = refused(attempt, refusal);\n',
    '    const error = refused(attempt, refusal);\n    if (error) throw error;\n',
  ]),
  mutant('refusedMembers', 'one member whom Slack refuses keeps nobody else out', [
    'src/connectors/slack/members.ts',
    "    disposition: 'rejected',\n    splits: true,",
    "    disposition: 'rejected',",
  ]),
  mutant('lostPages', 'who is missing from a list, and shown when asked for, is not gone', [
    'src/plan/pull/missing.ts',
    "    case 'foundInScope':\n",
    "    case 'foundInScope':\n      return 'gone';\n",
  ]),
  mutant('oneUnknown', 'where one is unknown nobody leaves a group', [
    'src/pull/compare.ts',
    'mayLeave: certain &&',
    'mayLeave:',
  ]),
  mutant('leaversAsked', 'who is missing from a group is asked about', [
    'src/pull/absent.ts',
    'if (!source.isMember) return null;',
    'if (source) return null;',
  ]),
  mutant('narrowedRole', 'a role that was narrowed is no word about those out of its sight', [
    'src/sources/okta/everyone.ts',
    'if (isShown || !before?.showsEveryone) return isShown;',
    'if (isShown || before) return true;',
  ]),
  mutant('olderRecords', 'a record that is older than the one before takes nothing back', [
    'src/pull/comparison/people.ts',
    'if (isOlder(user, kept.get(user.id))) shown.unchanged += 1;\n      else ',
    'void kept;\n      ',
  ]),
  mutant('olderKept', 'a record that is older is not kept either', [
    'src/pull/apply.ts',
    'users.filter((user) => !isOlder(user, kept.get(user.id)))',
    'users.filter((user) => user.id !== kept.get(user.id)?.because)',
  ]),
  mutant('broughtBack', 'an old list brings nobody back who was deleted', [
    'src/pull/comparison/arrivals.ts',
    'asked.length === 0 ? lines',
    'asked.length >= 0 ? lines',
  ]),
  mutant('otherAccount', 'another account than the pinned one is not believed', [
    'src/pull/pinned.ts',
    'if (mistake !== null) throw',
    'if (mistake === undefined) throw',
  ]),
  mutant('olderGroups', 'a group that is older than the one before is not believed', [
    'src/pull/comparison/groupNames.ts',
    'if (isGone || isOlder || removed.has(id)) continue;',
    'if (isGone || removed.has(id)) continue;',
  ]),
  mutant('groupsBroughtBack', 'an old list brings no group back that was deleted', [
    'src/pull/compare.ts',
    'for (const id of [...doubtful.ghosts, ...doubtful.unknown]) shown.delete(id);',
    '',
  ]),
];
