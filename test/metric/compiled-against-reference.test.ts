import { after, before, describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compare } from './compare.ts'
import { load, openMemory } from './dataset.ts'
import { question, shopOf, sketch } from './random.ts'

const runs = Number(process.env['MARU_PROPERTY_RUNS'] ?? 250)
const questionsEach = 4

describe('compiled questions against the brute-force reference', () => {
  let connection: DuckDBConnection
  let close: () => void

  before(async () => {
    ;({ connection, close } = await openMemory())
  })

  after(() => close())

  it('gives the same rows in the same order for random shops and questions', async () => {
    const questions = fc.array(question, { minLength: 1, maxLength: questionsEach, size: 'max' })
    await fc.assert(
      fc.asyncProperty(sketch, questions, async (drawn, asked) => {
        const shop = shopOf(drawn)
        await load(connection, shop.model, shop.dataset)
        for (const one of asked) await compare(connection, shop, one)
      }),
      { numRuns: runs, seed: 20111030 },
    )
  })
})
