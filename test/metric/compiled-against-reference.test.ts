import { describe, it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { compare } from './compare.ts'
import { compareRandom } from './against-random.ts'
import { useMemory } from './dataset.ts'
import { question } from './random-question.ts'

const questionsEach = 4

describe('compiled questions against the brute-force reference', () => {
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('gives the same rows in the same order for random shops and questions', async () => {
    const questions = fc.array(question, { minLength: 1, maxLength: questionsEach, size: 'max' })
    await compareRandom(connection, { questions, draws: { numRuns: 250, seed: 20111030 } }, compare)
  })
})
