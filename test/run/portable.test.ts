/** The SQL that makes rows and checks them is generated, and stays inside the subset that other engines read alike. */
import { deepEqual } from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import type { Engine, Session } from '../../src/engine/engine.ts'
import { compileTasks, made, rest, type Task } from '../../src/plan/plan.ts'
import { portabilityFault } from '../../src/project/portable-subset.ts'
import { shopModel } from './shop-project.ts'

describe('generated SQL of tasks', () => {
  let engine: Engine
  let session: Session
  let tasks: readonly Task[]

  before(async () => {
    engine = await openDuckdbEngine()
    session = await engine.open({ zone: 'Asia/Seoul' })
    tasks = compileTasks(shopModel('Asia/Seoul'), {
      bindings: new Map(),
      engineVersion: engine.version,
      buckets: 4,
    })
    for (const task of tasks) await session.bindEmpty(task.id, task.columns)
  })
  after(async () => {
    await session.close()
    await engine.close()
  })

  const faultsOf = async (sql: string): Promise<readonly string[]> => {
    const { constructs } = await session.bind(sql)
    return constructs.flatMap((construct) => portabilityFault(construct, sql)?.message ?? [])
  }

  it('is portable and yields the declared columns', async () => {
    for (const task of tasks) {
      if (task.rows.kind === 'load') await session.bindEmpty('incoming', task.columns)
      // Lists and maps are made by what engines do not share.
      if (task.id !== 'obj_attr.member.collection')
        deepEqual(await faultsOf(task.rows.sql), [], task.rows.sql)
      const { columns } = await session.bind(task.rows.sql)
      const numbered = new Set(task.rows.kind === 'versions' ? ['recorded_at', 'version'] : [])
      deepEqual(
        columns.map(({ name, type }) => `${name} ${type.kind}`).toSorted(),
        task.columns
          .filter((column) => !numbered.has(column.name))
          // In SQL it is text.
          .map(({ name, type }) => `${name} ${type.kind === 'json' ? 'text' : type.kind}`)
          .toSorted(),
        task.id,
      )
    }
  })

  it('is portable where it checks rows', async () => {
    for (const task of tasks) {
      await session.bindEmpty(made, task.columns)
      await session.bindEmpty(rest, task.columns)
      for (const check of task.checks) deepEqual(await faultsOf(check.sql), [], check.sql)
    }
  })
})
