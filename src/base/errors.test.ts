import { equal, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  MaruError,
  assert,
  formatError,
  formatPlace,
  formatProblem,
  isMaruError,
  messageOf,
} from './errors.ts'

describe('errors', () => {
  it('print on one line: place, message, code, next step', () => {
    const error = new MaruError('MODEL_UNKNOWN_COLUMN', 'obj.member has no column\n  "nmae"', {
      hint: 'Did you mean "name"?',
      where: { file: 'obj/member.ts', line: 3, column: 7 },
    })
    equal(
      formatError(error),
      'obj/member.ts:3:7: obj.member has no column "nmae" [MODEL_UNKNOWN_COLUMN] → Did you mean "name"?',
    )
    equal(formatError(new MaruError('DISK_FULL', 'no space')), 'no space [DISK_FULL]')
  })

  it('of others are bugs and say so', () => {
    equal(formatError(new TypeError('x is\nundefined')), 'TypeError: x is undefined [BUG]')
    equal(formatError('text'), 'text [BUG]')
    equal(formatError(undefined), 'undefined [BUG]')
  })

  it('are known by name, also those of another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { name: 'MaruError', code: 'DISK_FULL' })
    ok(isMaruError(foreign))
    equal(formatError(foreign), 'x [DISK_FULL]')
    ok(!isMaruError(new Error('x')))
    ok(!isMaruError({ name: 'MaruError' }))
  })

  it('are not worth a retry unless they say so, and keep their cause', () => {
    const cause = new Error('why')
    const error = new MaruError('STATE_BUSY', 'locked', { cause })
    equal(error.retry, 'never')
    equal(error.cause, cause)
    ok(!('cause' in new MaruError('BUG', 'x')))
  })

  it('of broken invariants ask for a report', () => {
    assert(true, 'holds')
    throws(() => assert(0, 'one is one'), {
      code: 'BUG',
      message: 'invariant broken: one is one',
      hint: /report/,
    })
  })

  it('show as much of a place as is known', () => {
    equal(formatPlace({ file: 'a.ts' }), 'a.ts')
    equal(formatPlace({ file: 'a.ts', line: 2 }), 'a.ts:2')
    equal(formatPlace({ file: 'a.ts', line: 2, column: 1 }), 'a.ts:2:1')
  })

  it('in a project print with what to do', () => {
    const problem = {
      code: 'MODEL_CYCLE',
      message: 'a → b → a',
      where: { file: 'obj/a.ts' },
    } as const
    equal(formatProblem(problem), 'obj/a.ts: a → b → a [MODEL_CYCLE]')
    equal(
      formatProblem({ ...problem, hint: 'cut it' }),
      'obj/a.ts: a → b → a [MODEL_CYCLE] → cut it',
    )
  })

  it('have a message whatever was thrown', () => {
    equal(messageOf(new Error('x')), 'x')
    equal(messageOf(7), '7')
  })
})
