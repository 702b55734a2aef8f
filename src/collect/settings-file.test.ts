import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { nodeFiles } from '../base/node-files.ts'
import { openSqliteState } from '../state/sqlite.ts'
import type { State } from '../state/state.ts'
import { hashKey } from './compile-settings.ts'
import { createKey, keysInForce, listKeys, revokeKey, rotateKey } from './keys.ts'
import { followSettings, readSettings, writeSettings } from './settings-file.ts'
import type { CollectSettings } from './settings.ts'

const settings: CollectSettings = { catalog: 'one', events: [], sources: [] }
let folder = ''
before(() => (folder = mkdtempSync(join(tmpdir(), 'maru-settings-'))))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('the settings file', () => {
  it('is read as it was written, and says when there is none', async () => {
    const path = join(folder, 'a', 'settings.json')
    await assert.rejects(readSettings(nodeFiles, path), { code: 'NOT_FOUND' })
    await writeSettings(nodeFiles, path, settings)
    await writeSettings(nodeFiles, path, settings)
    assert.deepEqual(await readSettings(nodeFiles, path), settings)
    assert.deepEqual(readdirSync(join(folder, 'a')), ['settings.json'])
  })

  it('shows a change to who follows it within a second, and a broken file as an error', async () => {
    const path = join(folder, 'watched.json')
    await writeSettings(nodeFiles, path, settings)
    const errors: unknown[] = []
    const followed = await followSettings({
      files: nodeFiles,
      path,
      onError: (error) => errors.push(error),
    })
    try {
      assert.equal(followed.current().catalog, 'one')
      await writeSettings(nodeFiles, path, { ...settings, catalog: 'two' })
      const until = Date.now() + 1_000
      while (followed.current().catalog === 'one' && Date.now() < until) await wait(20)
      assert.equal(followed.current().catalog, 'two')
      writeFileSync(path, '{')
      const later = Date.now() + 1_000
      while (errors.length === 0 && Date.now() < later) await wait(20)
      assert.equal(errors.length, 1)
      assert.equal(followed.current().catalog, 'two')
    } finally {
      followed.close()
    }
  })
})

describe('write keys', () => {
  let state: State
  before(async () => {
    state = await openSqliteState({ path: join(folder, 'state.db'), files: nodeFiles })
  })
  after(() => state.close())

  it('are shown once, replaced with a time to follow, taken back at once, and never stored', async () => {
    const first = await createKey(state, 'web', 1_000)
    assert.equal(first.id, 'web-1')
    const second = await rotateKey(state, 'web-1', { nowMs: 2_000, keepMs: 500 })
    assert.equal(second.id, 'web-2')
    const idsAt = async (nowMs: number): Promise<string[]> =>
      keysInForce(await listKeys(state), nowMs).map((key) => key.id)
    assert.deepEqual(await idsAt(2_499), ['web-1', 'web-2'])
    assert.deepEqual(await idsAt(2_500), ['web-2'])
    await revokeKey(state, 'web-2', 3_000)
    assert.deepEqual(await idsAt(3_000), [])
    await assert.rejects(revokeKey(state, 'web-2', 3_001), { code: 'NOT_FOUND' })
    assert.equal((await createKey(state, 'web', 4_000)).id, 'web-3')
    const stored = JSON.stringify([...(await state.values('collect/keys'))])
    assert.ok(stored.includes(hashKey(first.key)))
    assert.ok(!stored.includes(first.key) && !stored.includes(second.key))
  })
})
