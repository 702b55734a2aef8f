/** Options of every builder: what is unknown or of another kind is said with the option's name, and nothing that an author writes ends in a crash. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  activity,
  attributes,
  count,
  cumulative,
  date,
  decimal,
  event,
  files,
  first,
  funnel,
  integer,
  key,
  list,
  merged,
  nth,
  object,
  people,
  refers,
  source,
  sql,
  sum,
  table,
  text,
  timestamp,
} from '../index.ts'
import { formatProblem } from '../base/errors.ts'
import { buildModel, type LoadedDeclaration } from './build.ts'

type Given = Readonly<Record<string, unknown>>

/** Options of each builder, all of them right, by `builder` or `builder of something`. */
const right = {
  table: { by: 'ordered_at', from: 'public.orders' },
  source: { owner: 'it', from: 'shop' },
  files: {
    owner: 'it',
    description: 'lines',
    path: 'lines/*.csv',
    format: 'csv',
    csv: { delimiter: ';', header: true, quote: '"', nulls: ['NA'], encoding: 'latin-1' },
    by: 'read_at',
  },
  event: { owner: 'it', description: 'a look', name: 'looked', example: { what: 'x' } },
  people: { owner: 'it', description: 'who', reaches_back: '30 days' },
  object: { owner: 'crm', description: 'a member', history: false },
  calendar: { day: 'date', grains: ['season'] },
  activity: {
    owner: 'crm',
    description: 'a purchase',
    says: '{member} bought',
    by: 'member',
    to: ['friend'],
    checks: () => ({}),
  },
  attributes: {
    owner: 'crm',
    description: 'habits',
    describe: { purchases: 'how many' },
    buckets: { purchases: [1, 5] },
    orphans: 'allowed',
  },
  sqlAttributes: { owner: 'crm', description: 'grade', history: false, orphans: 'allowed' },
  merged: { owner: 'crm', description: 'all of it', groups: [], related: {} },
  key: { type: 'integer', unit: 'id', field: 'Id', tags: ['personal'] },
  integer: { unit: 'piece', required: true, tags: ['x'], buckets: [1, 2] },
  decimal: { precision: 10, scale: 2, unit: 'KRW' },
  text: { required: false },
  reference: { orphans: 'allowed', required: false },
  list: { tags: [] },
  metric: {
    description: 'how many',
    owner: 'crm',
    unit: 'piece',
    synonyms: ['orders'],
    direction: 'up',
    fill: 0,
    calendar: true,
  },
  cumulative: { window: '28 days', across: 'last' },
  funnel: { within: '1 day' },
  nth: { counted: 'history' },
  balance: { per: [] },
} as const satisfies Readonly<Record<string, Given>>

type Builder = keyof typeof right

/** A project that uses every builder, with these options of one of them. */
function project(builder?: Builder, options?: unknown): readonly LoadedDeclaration[] {
  const of = <Name extends Builder>(name: Name): (typeof right)[Name] =>
    (name === builder ? options : right[name]) as (typeof right)[Name]
  const member = object({
    columns: { id: key('member'), country: text('where', of('text')) },
    sql: sql`select 1 as id, 'KR' as country`,
    ...of('object'),
  })
  const season = object({
    owner: 'it',
    description: 'a day',
    columns: { id: key('day', { type: 'text' }), date: date('the day'), season: text('season') },
    calendar: of('calendar'),
    sql: sql`select 1`,
  })
  const purchase = activity({
    columns: {
      id: key('line'),
      occurred_at: timestamp('when'),
      member: refers(member, undefined, of('reference')),
      friend: refers(member, 'for whom', { orphans: 'allowed' }),
      pieces: integer('pieces', of('integer')),
      amount: decimal('paid', of('decimal')),
      words: list('text', 'words', of('list')),
    },
    sql: sql`select 1`,
    ...of('activity'),
  })
  const orders = table(
    'orders',
    { id: key('order', of('key')), ordered_at: timestamp('when') },
    of('table'),
  )
  const purchases = count(purchase, of('metric'))
  return [
    ['obj/member.ts', member],
    ['obj/season.ts', season],
    ['obj/person.ts', people(of('people'))],
    ['act/purchase.ts', purchase],
    ['raw/shop.ts', source({ tables: { orders }, ...of('source') })],
    ['raw/line.ts', files({ columns: { read_at: timestamp('when') }, ...of('files') })],
    ['raw/event/looked.ts', event({ properties: { what: text('what') }, ...of('event') })],
    [
      'obj_attr/member/habit.ts',
      attributes(
        member,
        { purchases: count(purchase), second: nth(purchase, 2, of('nth')).amount },
        of('attributes'),
      ),
    ],
    [
      'obj_attr/member/grade.ts',
      attributes(
        member,
        { columns: { grade: text('grade') }, sql: sql`select 1` },
        of('sqlAttributes'),
      ),
    ],
    ['merged/purchase.ts', merged(purchase, of('merged'))],
    ['metric/a.ts', purchases, 'purchases'],
    ['metric/a.ts', cumulative(purchases, of('cumulative')), 'running'],
    ['metric/a.ts', funnel([first(purchase), purchase], of('funnel')), 'steps'],
    ['metric/a.ts', sum(purchase.amount).balance('last', of('balance')), 'stock'],
  ].map(([path, value, exportName = 'default']) => ({ path, exportName, value }) as never)
}

function problems(builder?: Builder, options?: unknown): readonly string[] {
  return buildModel(project(builder, options), { zone: 'Asia/Seoul' }).problems.map(formatProblem)
}

describe('options of builders', () => {
  it('are all right as they stand here', () => {
    assert.deepEqual(problems(), [])
  })

  for (const builder of Object.keys(right) as Builder[])
    it(`of ${builder}: a name that there is not is said, with the nearest`, () => {
      const options: Given = right[builder]
      const [name = ''] = Object.keys(options)
      const { [name]: value, ...others } = options
      const wrong = `${name}s`
      const found = problems(builder, { ...others, [wrong]: value })
      assert.ok(
        found.some(
          (line) =>
            line.includes(`"${wrong}", which no `) || line.includes(`.${wrong}", which no `),
        ),
        found.join('\n'),
      )
      assert.ok(found.some((line) => /Did you mean|There are|There is/.test(line)))
    })

  it('never end in a crash, whatever stands in them', () => {
    const builders = fc.constantFrom(...(Object.keys(right) as Builder[]))
    const junk = fc.oneof(
      fc.constantFrom(null, undefined, '', 'x', 0, -1, Number.NaN, true, [], {}, [null], [[]]),
      fc.constantFrom({ x: null }, 7n, () => 1, sql`select 1`, text('x')),
      fc.anything(),
    )
    fc.assert(
      fc.property(builders, junk, fc.nat(), fc.boolean(), (builder, value, at, isWhole) => {
        // Taken apart by the builder itself, so that the import fails, at its place.
        fc.pre(!(isWhole && value === null && ['cumulative', 'funnel'].includes(builder)))
        const names = Object.keys(right[builder])
        const options: unknown = isWhole
          ? value
          : { ...right[builder], [names[at % names.length]!]: value }
        for (const line of problems(builder, options)) assert.match(line, / → \S/)
      }),
      { seed: 20_261_124, numRuns: 2000 },
    )
  })

  it('of another kind are said where they would have been taken for no', () => {
    assert.deepEqual(
      [
        problems('object', { ...right.object, history: 'yes' }),
        problems('integer', { required: 'yes' }),
        problems('activity', { ...right.activity, to: 'friend' }),
        problems('files', { ...right.files, csv: { delimeter: ';' } }),
        problems('nth', { counted: 'all' }),
        problems('people', { ...right.people, reaches_back: 'a month' }),
      ].map((lines) => lines.map((line) => line.slice(line.indexOf(': ') + 2))),
      [
        [
          'obj.member has the option "history" with the text "yes" [MODEL_BAD_DECLARATION] → write true or false',
        ],
        [
          'the column "pieces" has the option "required" with the text "yes" [MODEL_BAD_DECLARATION] → write true or false',
        ],
        [
          `act.purchase has the option "to" with the text "friend" [MODEL_BAD_DECLARATION] → write a list of texts, as ['product']`,
        ],
        [
          'raw.line has the option "csv.delimeter", which no files declaration has [MODEL_BAD_DECLARATION] → Did you mean "csv.delimiter"?',
        ],
        [
          `the attribute "second" has the option "counted" with the text "all" [MODEL_BAD_DECLARATION] → write 'history'`,
        ],
        [
          `obj.person has the option "reaches_back" with the text "a month" [MODEL_BAD_DECLARATION] → write a whole number of hours, days or weeks: '30 days'`,
        ],
      ],
    )
  })
})
