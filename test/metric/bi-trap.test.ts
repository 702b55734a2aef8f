import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { isMaruError } from '../../src/base/errors.ts'
import { compileQuestion } from '../../src/metric/metric.ts'
import { NotExpressible, translate } from './bi-trap-translation.ts'
import type { TrapCase } from './bi-trap-translation.ts'
import { describeData, sharedData } from '../shared-data.ts'
import { load, useMemory, query } from './dataset.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

const data = sharedData('bi-trap-cases')
const file = join(data.folder, 'cases.json')

/** Cases that Maru answers otherwise or not, on purpose, with the reason. A case that passes must leave the list. */
const notYet: Readonly<Record<string, string>> = {
  running_total: 'a running total follows time, and here it follows a number',
  null_child_key_group:
    'by what refers to it, an object to which nothing refers is in no group; the case puts it among those that refer with an unknown value',
}

describeData('cases of silently wrong answers in BI tools', data, answers)

function answers(): void {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly cases: readonly TrapCase[]
  }
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  it('has every case of the list', () => {
    const names = new Set(cases.map((trap) => trap.name))
    assert.deepEqual(
      Object.keys(notYet).filter((name) => !names.has(name)),
      [],
    )
  })

  for (const trap of cases) {
    const reason = notYet[trap.name]
    it(
      reason === undefined ? `answers ${trap.name}` : `cannot answer ${trap.name} yet: ${reason}`,
      async () => {
        const fault = await faultOf(connection, trap)
        if (reason === undefined) assert.equal(fault, undefined)
        else assert.notEqual(fault, undefined, `${trap.name} passes now: take it off the list`)
      },
    )
  }
}

/** undefined when the answer is right. */
async function faultOf(connection: DuckDBConnection, trap: TrapCase): Promise<string | undefined> {
  let rows: readonly (readonly Cell[])[]
  try {
    const { model, dataset, question, hidden } = await translate(connection, trap)
    await load(connection, model, dataset)
    const compiled = compileQuestion(model, question)
    const answered = await query(connection, compiled.sql)
    rows = answered.map((row) => row.slice(0, row.length - hidden))
  } catch (error) {
    if (error instanceof NotExpressible) return error.message
    if (!(error instanceof Error) || !isMaruError(error) || error.code === 'BUG') throw error
    const isRight = trap.expected.refuse === true || trap.may_refuse === true
    return isRight ? undefined : `refused: ${error.message}`
  }
  if (trap.expected.refuse === true)
    return trap.may_answer === true ? undefined : 'answered what is to be refused'
  return rowsFault(trap, rows)
}

function rowsFault(trap: TrapCase, rows: readonly (readonly Cell[])[]): string | undefined {
  const left = [...trap.expected.rows!]
  const optional = [...(trap.optional_rows ?? [])]
  for (const row of rows) {
    const at = left.findIndex((expected) => isSameRow(trap, row, expected))
    if (at !== -1) left.splice(at, 1)
    else if (!optional.some((expected) => isSameRow(trap, row, expected)))
      return `has the row ${cellsText(row)} of ${cellsText(rows)}`
  }
  return left.length === 0 ? undefined : `lacks the rows ${cellsText(left)} in ${cellsText(rows)}`
}

function isSameRow(trap: TrapCase, row: readonly Cell[], expected: readonly Cell[]): boolean {
  return (
    row.length === expected.length &&
    expected.every((cell, at) => {
      const isZero = trap.null_for_zero?.includes(trap.expected.columns![at]!) === true
      return isSame(isZero ? (row[at] ?? 0) : row[at]!, isZero ? (cell ?? 0) : cell)
    })
  )
}

function isSame(cell: Cell, expected: Cell): boolean {
  if (typeof cell === 'number' && typeof expected === 'number') {
    return Math.abs(cell - expected) <= 1e-9 * Math.max(1, Math.abs(expected))
  }
  if (typeof cell === 'bigint')
    return new Date(Number(cell / 1000n)).toISOString().slice(0, 19).replace('T', ' ') === expected
  // The first day of a period stands for the instant at which it begins.
  return cell === expected || (typeof cell === 'string' && `${cell} 00:00:00` === expected)
}
