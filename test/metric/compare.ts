import assert from 'node:assert/strict'
import type { DuckDBConnection } from '@duckdb/node-api'
import { compileQuestion } from '../../src/metric/metric.ts'
import type { CompiledQuestion, MetricQuestion } from '../../src/metric/metric.ts'
import { isSameCell } from './cells.ts'
import { query } from './dataset.ts'
import { filterText } from './random-question.ts'
import type { Shop } from './random.ts'
import { evaluate } from './reference.ts'
import { evaluateParts } from './reference-question.ts'
import type { Answering, PartsQuestion } from './reference-question.ts'
import type { ReferenceQuestion } from './reference.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

/** Fails when the compiled question answers otherwise than the reference. */
export async function compare(
  connection: DuckDBConnection,
  { model, dataset }: Shop,
  asked: ReferenceQuestion,
): Promise<void> {
  const { where, ...rest } = asked
  const text: MetricQuestion = {
    ...rest,
    ...(where === undefined ? {} : { where: filterText(where) }),
  }
  const compiled = compileQuestion(model, text)
  const rows = await query(connection, compiled.sql)
  const expected = evaluate(model, dataset, asked)
  const isSame =
    rows.length === expected.length &&
    rows.every((row, at) =>
      row.every((cell, column) =>
        isSameCell(cell, expected[at]![column]!, compiled.columns[column]!.type),
      ),
    )
  if (isSame) return
  assert.fail(
    `${cellsText(text)}
expected ${cellsText(expected)}
but got  ${cellsText(rows)}
${compiled.sql}`,
  )
}

/** Fails when a question with totals is answered otherwise than by the reference, whose answer to one without them is `answer`. `said` tells what was asked about. */
export async function compareTotalled(
  connection: DuckDBConnection,
  { model, dataset }: Shop,
  of: {
    readonly question: Omit<PartsQuestion, 'having'>
    readonly answer: Answering
    readonly said: string
  },
): Promise<void> {
  const { question, answer, said } = of
  const { where, ...rest } = question
  const { sql, columns } = compileQuestion(model, {
    ...rest,
    ...(where === undefined ? {} : { where: filterText(where) }),
  })
  const width = question.by.length
  assertSameRows(
    {
      got: await query(connection, sql),
      expected: evaluateParts({ model, dataset }, question, answer),
      columns,
      keysOf: (row) => [...row.slice(0, width), row.at(-1)!],
    },
    [`${said}\n${cellsText(question)}`, sql],
  )
}

interface Answers {
  readonly got: readonly (readonly Cell[])[]
  readonly expected: readonly (readonly Cell[])[]
  readonly columns: CompiledQuestion['columns']
  /** What tells one row from the others. */
  readonly keysOf: (row: readonly Cell[]) => readonly Cell[]
}

/** Fails, saying what was asked, when the rows are not the same in some order. */
export function assertSameRows(
  { got, expected, columns, keysOf }: Answers,
  asked: readonly string[],
): void {
  const inOrder = (rows: Answers['got']): Answers['got'] =>
    rows.toSorted((a, b) => (cellsText(keysOf(a)) < cellsText(keysOf(b)) ? -1 : 1))
  const [left, right] = [inOrder(got), inOrder(expected)]
  const isSame =
    left.length === right.length &&
    left.every((row, at) =>
      row.every((cell, column) => isSameCell(cell, right[at]![column]!, columns[column]!.type)),
    )
  if (isSame) return
  const [first, ...more] = asked
  assert.fail(
    [first, `expected ${cellsText(right)}`, `but got  ${cellsText(left)}`, ...more].join('\n'),
  )
}
