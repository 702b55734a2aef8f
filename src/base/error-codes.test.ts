import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { errorCodes } from './error-codes.ts'

describe('the reference page of errors', () => {
  const page = join(import.meta.dirname, '../../docs/reference/errors.md')
  const rows = [...readFileSync(page, 'utf8').matchAll(/^\| `(\w+)` \| (.*?) \| (.*?) \|$/gm)].map(
    ([, code, meaning, next]) => ({ code, meaning, next }),
  )

  it('names every code, in the order of the list, with the same meaning', () => {
    const expected = Object.entries(errorCodes).map(([code, meaning]) => ({ code, meaning }))
    deepEqual(
      rows.map(({ code, meaning }) => ({ code, meaning })),
      expected,
      'make docs/reference/errors.md agree with src/base/error-codes.ts',
    )
  })

  it('says for each what to do', () => {
    for (const { code, next } of rows)
      ok(next !== undefined && next.length > 10, `${code} has no next step`)
  })
})

describe('error codes', () => {
  it('mean one thing each', () => {
    const meanings = Object.values(errorCodes)
    equal(new Set(meanings).size, meanings.length)
  })
})
