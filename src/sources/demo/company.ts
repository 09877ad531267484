/**
 * A made-up company, day by day: pure, and always the same. Each day includes the days before; after the first, each
 * brings a joiner, a mover and a leaver.
 */

export interface Employee {
  readonly id: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly department: string;
  readonly title: string;
  readonly office: string;
  readonly managerNumber: string | null;
  readonly number: string;
  readonly state: 'active' | 'inactive';
}

export interface Team {
  readonly id: string;
  readonly name: string;
  readonly memberIds: readonly string[];
}

export interface Company {
  readonly people: readonly Employee[];
  readonly teams: readonly Team[];
}

const DEPARTMENTS = ['Engineering', 'Sales', 'Support', 'Marketing', 'Finance', 'People'] as const;
const OFFICES = ['Berlin', 'Lisbon', 'Toronto'] as const;
const TITLES: Readonly<Record<string, string>> = {
  Engineering: 'Engineer',
  Sales: 'Account Executive',
  Support: 'Support Specialist',
  Marketing: 'Marketer',
  Finance: 'Accountant',
  People: 'People Partner',
};
const GIVEN = [
  'Ada',
  'Ben',
  'Chiara',
  'Deniz',
  'Emil',
  'Fatima',
  'Goran',
  'Hana',
  'Ivo',
  'Jun',
  'Kofi',
  'Lena',
];
const FAMILY = [
  'Abel',
  'Brandt',
  'Costa',
  'Diallo',
  'Eriksen',
  'Fischer',
  'Garcia',
  'Haddad',
  'Ito',
  'Jansen',
  'Kaya',
];

const PEOPLE_AT_FIRST = 60;

export function companyOn(day: number): Company {
  const people = new Map<number, Employee>();
  for (let n = 1; n <= PEOPLE_AT_FIRST; n++) people.set(n, hired(n));
  for (let today = 2; today <= day; today++) {
    people.set(PEOPLE_AT_FIRST + today - 1, hired(PEOPLE_AT_FIRST + today - 1));
    const mover = people.get(moverOn(today));
    if (mover) people.set(moverOn(today), moved(mover));
    const leaving = leaverOn(today);
    const leaver = people.get(leaving);
    // Most leavers are deactivated first; some are deleted at once.
    if (leaver && today % 4 === 0) people.delete(leaving);
    else if (leaver) people.set(leaving, { ...leaver, state: 'inactive' });
  }
  const all = [...people.values()];
  return { people: all, teams: teamsOf(all) };
}

/** The first employee of each department leads it; number 1 leads the company. */
function hired(n: number): Employee {
  const place = (n - 1) % DEPARTMENTS.length;
  const department = DEPARTMENTS[place] as string;
  const isLead = n <= DEPARTMENTS.length;
  const title = TITLES[department] as string;
  return {
    id: `demo-${String(n).padStart(4, '0')}`,
    givenName: GIVEN[(n - 1) % GIVEN.length] as string,
    familyName: FAMILY[(n * 7) % FAMILY.length] as string,
    department,
    title: n === 1 ? 'Chief Executive' : isLead ? `Head of ${department}` : title,
    office: OFFICES[n % OFFICES.length] as string,
    managerNumber: n === 1 ? null : numberOf(isLead ? 1 : place + 1),
    number: numberOf(n),
    state: 'active',
  };
}

function numberOf(n: number): string {
  return `E${String(1000 + n)}`;
}

function moved(employee: Employee): Employee {
  const place =
    (DEPARTMENTS.indexOf(employee.department as (typeof DEPARTMENTS)[number]) + 1) % DEPARTMENTS.length;
  const department = DEPARTMENTS[place] as string;
  return { ...employee, department, title: TITLES[department] as string, managerNumber: numberOf(place + 1) };
}

/** Managers stay. Movers come from the front of the list and leavers from the back, so that few do both. */
function moverOn(day: number): number {
  return DEPARTMENTS.length + 1 + ((day * 5) % (PEOPLE_AT_FIRST - DEPARTMENTS.length));
}

function leaverOn(day: number): number {
  return PEOPLE_AT_FIRST + 2 - day > DEPARTMENTS.length
    ? PEOPLE_AT_FIRST + 2 - day
    : PEOPLE_AT_FIRST + day - 55;
}

function teamsOf(people: readonly Employee[]): readonly Team[] {
  const team = (name: string, belongs: (employee: Employee) => boolean): Team => ({
    id: `demo-group-${name.toLowerCase().replaceAll(' ', '-')}`,
    name,
    memberIds: people.filter((one) => one.state === 'active' && belongs(one)).map(({ id }) => id),
  });
  return [
    ...DEPARTMENTS.map((department) => team(department, (one) => one.department === department)),
    ...OFFICES.map((office) => team(office, (one) => one.office === office)),
    team('Leads', (one) => /^(Head|Chief)/.test(one.title)),
    team('On-call', (one) => one.department === 'Engineering' || one.department === 'Support'),
    team('Customer Council', (one) => one.department === 'Sales' || one.department === 'Marketing'),
  ];
}
