import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine, Session } from '../../src/engine/engine.ts'
import { compileQuestion, neededDimensions } from '../../src/metric/metric.ts'
import type { CompiledQuestion } from '../../src/metric/metric.ts'
import { wideSelect } from '../../src/plan/attach.ts'
import { portabilityFault } from '../../src/project/portable-subset.ts'
import { asked } from './random-followed.ts'
import { shopOf, sketch } from './random.ts'
import { filterText, question } from './random-question.ts'
import { asked as askedOverTime } from './random-timed.ts'
import { shopModel } from './shop-model.ts'
import type { Model } from '../../src/model/model.ts'

describe('generated SQL', () => {
  let engine: Engine
  let session: Session

  before(async () => {
    engine = await openDuckdbEngine()
    session = await engine.open({ zone: 'Asia/Seoul' })
  })

  after(async () => {
    await session.close()
    await engine.close()
  })

  const faultsOf = async (sql: string): Promise<readonly string[]> => {
    // The standard's percentile means the same on both engines, but the syntax tree calls it by a name of one engine's own.
    // Its ordered list has another form on each engine that has one.
    const text = sql
      .replaceAll(/percentile_(?:cont|disc)\([\d.]+\) within group \(order by /g, '  max(')
      .replaceAll(/array_agg\((?:distinct )?(\w+) order by [\w, ]+\)/g, 'max($1)')
      .replaceAll(/(cast\(null as [^)]*)\[\]\)/g, '$1)')
    const { constructs } = await session.bind(text)
    return constructs.flatMap((construct) => portabilityFault(construct, text)?.message ?? [])
  }

  const assertPortable = async ({ sql, columns }: CompiledQuestion): Promise<void> => {
    assert.deepEqual(await faultsOf(sql), [], sql)
    const { columns: bound } = await session.bind(sql)
    assert.deepEqual(
      bound.map(({ name, type }) => [name, type.kind]),
      columns.map(({ name, type }) => [name, type.kind]),
      sql,
    )
  }

  it('stays inside the portable subset for random questions, and has the types that it says', async () => {
    const [drawn] = fc.sample(sketch, { numRuns: 1, seed: 3 })
    const { model } = shopOf({
      ...drawn!,
      memberHistory: true,
      productHistory: true,
      brandHistory: true,
    })
    await bindEmpty(session, model)
    for (const { where, ...asked } of fc.sample(question, { numRuns: 150, seed: 4 })) {
      const text = where === undefined ? asked : { ...asked, where: filterText(where) }
      const compiled = compileQuestion(model, text)
      await assertPortable(compiled)
    }
  })

  it('stays inside the portable subset for random metrics that follow objects, and has the types that it says', async () => {
    const [drawn] = fc.sample(sketch, { numRuns: 1, seed: 3 })
    const { model } = shopOf(drawn!)
    await bindEmpty(session, model)
    for (const { metric, question: by } of fc.sample(asked, { numRuns: 60, seed: 5 })) {
      const { where: _, ...rest } = by
      const compiled = compileQuestion(
        { ...model, metrics: [...model.metrics, metric] },
        { ...rest, metrics: ['followed'] },
      )
      await assertPortable(compiled)
    }
  })

  it('stays inside the portable subset for metrics over other times and groups', async () => {
    const [drawn] = fc.sample(sketch, { numRuns: 1, seed: 3 })
    const { model } = shopOf(drawn!)
    await bindEmpty(session, model)
    for (const { metrics, question: timed } of fc.sample(askedOverTime, { numRuns: 60, seed: 4 })) {
      const { where, whereTime, ...rest } = timed
      const all = { ...model, metrics: [...model.metrics, ...metrics] }
      const compiled = compileQuestion(all, {
        ...rest,
        by: [...rest.by, ...neededDimensions(all, 'timed', rest.by)],
        metrics: ['timed'],
        ...(where === undefined ? {} : { where: filterText(where) }),
        ...(whereTime === undefined ? {} : { where: filterText(whereTime) }),
      })
      await assertPortable(compiled)
    }
  })

  it('stays inside the portable subset for the wide reading of a merged table', async () => {
    await bindEmpty(session, shopModel)
    assert.deepEqual(await faultsOf(wideSelect(shopModel, 'merged.purchase', 'all')), [])
  })
})

async function bindEmpty(session: Session, model: Model): Promise<void> {
  for (const table of model.tables) {
    if (table.kind === 'object' || table.kind === 'attributes')
      await session.bindEmpty(table.id, table.columns)
    if (table.kind !== 'merged') continue
    const versions = table.versions.map(({ column }) => ({
      name: column,
      type: { kind: 'integer' } as const,
    }))
    await session.bindEmpty(table.id.replace('merged.', 'stored.'), [...table.columns, ...versions])
  }
}
