/** What the tests against the brute-force reference share: random shops and how they are drawn. */
import type { DuckDBConnection } from '@duckdb/node-api'
import fc from 'fast-check'
import { load } from './dataset.ts'
import { shopOf, sketch } from './random.ts'
import type { Shop } from './random.ts'

interface Draws {
  readonly numRuns: number
  readonly seed: number
}

/** So much longer with MARU_SOAK=1: tens of thousands of questions. */
const soakFactor = 20

/** MARU_PROPERTY_RUNS and MARU_PROPERTY_SEED draw others, MARU_NO_SHRINK=1 shows what was drawn as it was. */
export function drawn({ numRuns, seed }: Draws): Draws & { readonly endOnFailure: boolean } {
  return {
    numRuns: Number(
      process.env['MARU_PROPERTY_RUNS'] ??
        (process.env['MARU_SOAK'] === '1' ? numRuns * soakFactor : numRuns),
    ),
    seed: Number(process.env['MARU_PROPERTY_SEED'] ?? seed),
    endOnFailure: process.env['MARU_NO_SHRINK'] === '1',
  }
}

/** Loads random shops, and asks `compare` for each of a shop's questions. */
export async function compareRandom<Question>(
  connection: DuckDBConnection,
  of: {
    readonly shops?: typeof sketch
    readonly questions: fc.Arbitrary<readonly Question[]>
    readonly draws: Draws
  },
  compare: (connection: DuckDBConnection, shop: Shop, question: Question) => Promise<unknown>,
): Promise<void> {
  const { shops = sketch, questions, draws } = of
  await fc.assert(
    fc.asyncProperty(shops, questions, async (sketched, asked) => {
      const shop = shopOf(sketched)
      await load(connection, shop.model, shop.dataset)
      for (const one of asked) await compare(connection, shop, one)
    }),
    drawn(draws),
  )
}
