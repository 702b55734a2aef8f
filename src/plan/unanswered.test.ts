import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  activity,
  attributes,
  count,
  collect,
  boolean,
  key,
  object,
  refers,
  sql,
  text,
  timestamp,
} from '../index.ts'
import { buildModel } from '../model/build.ts'
import { derivedSelect } from './derived.ts'

const owned = { owner: 'crm', description: 'x' } as const
const member = object({
  ...owned,
  columns: { id: key('member'), country: text('where') },
  sql: sql`select 1 as id`,
})
const visit = activity({
  ...owned,
  says: '{member} came',
  columns: {
    id: key('visit'),
    occurred_at: timestamp('when'),
    member: refers(member),
    is_new: boolean('new'),
    page: text('which'),
  },
  by: 'member',
  sql: sql`select 1 as id`,
})

function select(derived: Parameters<typeof attributes>[1]): string {
  const { model, problems } = buildModel(
    [
      { path: 'obj/member.ts', exportName: 'default', value: member },
      { path: 'act/visit.ts', exportName: 'default', value: visit },
      { path: 'obj_attr/habit.ts', exportName: 'default', value: attributes(member, derived) },
    ],
    { zone: 'Asia/Seoul' },
  )
  assert.deepEqual(problems, [])
  const table = model.tables.find((each) => each.kind === 'attributes')
  assert(table?.kind === 'attributes')
  return derivedSelect(model, table)
}

describe('a derived attribute that is not answered yet', () => {
  const cases = {
    'the aggregate collect by `per`': collect(visit.page).per(visit.page),
  }
  for (const [what, attribute] of Object.entries(cases)) {
    it(`is refused and says why: ${what}`, () => {
      assert.throws(() => select({ attribute }), {
        code: 'METRIC_ILLEGAL',
        message: `the attribute "attribute" of obj_attr.habit has ${what}, which attributes cannot have yet`,
      })
    })
  }

  it('leaves alone what is answered', () => {
    assert.match(select({ visits: count(visit).within('1 day') }), /visits/)
  })
})
