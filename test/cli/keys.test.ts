/** `maru keys` as a user meets it. */
import { strict as assert } from 'node:assert'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runMaru } from './run-maru.ts'

describe('maru keys', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'maru-keys-'))
    await writeFile(
      path.join(folder, 'maru.config.ts'),
      "export default { zone: 'UTC', collect: { sources: { web: {} } } }\n",
    )
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('shows a key once, lists ids, replaces and revokes', async () => {
    const made = await runMaru(folder, 'keys', 'create', 'web')
    assert.deepEqual([made.code, made.stderr], [0, ''])
    const key = /^web-1 (maru_web_[\w-]{32})\n$/.exec(made.stdout)?.[1]
    assert.ok(key)
    const rotated = await runMaru(folder, 'keys', 'rotate', 'web-1', '--keep', '2')
    assert.match(rotated.stdout, /^web-2 maru_web_/)
    assert.equal((await runMaru(folder, 'keys', 'revoke', 'web-2')).stdout, 'web-2 is revoked\n')
    const listed = await runMaru(folder, 'keys', 'list', '--format', 'json')
    const rows = JSON.parse(listed.stdout) as readonly Readonly<Record<string, string>>[]
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['web-1', 'web-2'],
    )
    const hours = (Date.parse(rows[0]!['ends_at']!) - Date.now()) / 3_600_000
    assert.ok(hours > 1.9 && hours <= 2)
    const stored = await readFile(path.join(folder, '.maru', 'state.db'), 'latin1')
    assert.ok(!stored.includes(key))
  })

  it('refuses a source and a key that there are not, and words that it does not know', async () => {
    const refusals: readonly [readonly string[], number, RegExp][] = [
      [['create', 'wbe'], 1, /"wbe" sends events \[NOT_FOUND\] → Did you mean "web"/],
      [['revoke', 'web-9'], 1, /no key "web-9" in force \[NOT_FOUND\] → /],
      [['destroy', 'web-1'], 2, /\[USAGE\] → write maru keys create/],
      [['rotate', 'web-1', '--keep', 'long'], 2, /not a number of hours \[USAGE\] → /],
    ]
    for (const [words, code, says] of refusals) {
      // oxlint-disable-next-line no-await-in-loop
      const { code: found, stderr } = await runMaru(folder, 'keys', ...words)
      assert.equal(found, code, stderr)
      assert.match(stderr, says)
    }
  })
})
