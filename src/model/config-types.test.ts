import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { env } from '../index.ts'
import { environmentRead } from './build.ts'

describe('env', () => {
  it('reads the value at load, falls back to the default, and remembers what it read', () => {
    process.env['MARU_TEST_SET'] = 'given'
    process.env['MARU_TEST_EMPTY'] = ''
    try {
      assert.equal(env('MARU_TEST_SET', 'default'), 'given')
      assert.equal(env('MARU_TEST_EMPTY', 'default'), 'default')
      assert.equal(`${env('MARU_TEST_MISSING', 'data')}/*.csv`, 'data/*.csv')
      const read = environmentRead()
      assert.equal(read.get('MARU_TEST_SET'), 'given')
      assert.equal(read.get('MARU_TEST_EMPTY'), '')
      assert.ok(read.has('MARU_TEST_MISSING'))
      assert.equal(read.get('MARU_TEST_MISSING'), undefined)
    } finally {
      delete process.env['MARU_TEST_SET']
      delete process.env['MARU_TEST_EMPTY']
    }
  })

  it('names the variable that is missing, and is seen by another copy of the package', async () => {
    assert.throws(() => env('MARU_TEST_ABSENT'), {
      code: 'PROJECT_CONFIG',
      message: 'the environment variable MARU_TEST_ABSENT is not set',
    })
    const copy = (await import('./config-types.ts?copy=2' as string)) as {
      readonly env: typeof env
    }
    copy.env('MARU_TEST_COPY', 'x')
    assert.ok(environmentRead().has('MARU_TEST_COPY'))
  })
})
