import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { nodeFiles } from '../base/node-files.ts'
import { createKey, readSettings, revokeKey } from '../collect/collect.ts'
import type { CollectSettings } from '../collect/settings.ts'
import { makeTestProject, type TestProject } from '../project/test-project.suite.ts'
import { openSqliteState } from '../state/sqlite.ts'
import type { State } from '../state/state.ts'
import { watchCatalog, type CatalogWatch } from './watch-catalog.ts'

const liveMs = 5_000

const declaration = (properties: string): string => `import { event, text } from 'maru'
export default event({
  owner: 'shop',
  description: 'a product was clicked',
  name: 'Product Clicked',
  properties: { ${properties} },
  example: { product: 'tea' },
})
`

describe('the watched catalog', () => {
  let project: TestProject
  let state: State
  let watch: CatalogWatch | undefined
  let settingsPath = ''
  const refused: (readonly string[])[] = []
  const errors: unknown[] = []

  before(async () => {
    project = makeTestProject()
    project.write(
      'maru.config.ts',
      "import { defineConfig } from 'maru'\nexport default defineConfig({ zone: 'UTC', collect: { sources: { web: {} } } })\n",
    )
    project.write('raw/event/product_clicked.ts', declaration("product: text('which')"))
    state = await openSqliteState({ path: join(project.folder, 'state.db'), files: nodeFiles })
    settingsPath = join(project.folder, '.maru', 'collect', 'settings.json')
    watch = await watchCatalog({
      folder: project.folder,
      state,
      files: nodeFiles,
      settingsPath,
      onRefused: (reasons) => refused.push(reasons),
      onError: (error) => errors.push(error),
    })
  })
  after(async () => {
    await watch?.close()
    await state.close()
    project.dispose()
  })

  const settings = (): Promise<CollectSettings> => readSettings(nodeFiles, settingsPath)
  async function live(holds: () => boolean | Promise<boolean>): Promise<void> {
    const until = Date.now() + liveMs
    while (!(await holds())) {
      assert.ok(Date.now() < until, `not within ${liveMs} ms`)
      await wait(50)
    }
  }
  const clicked = (read: CollectSettings): string[] | undefined =>
    read.events.find(({ event }) => event === 'Product Clicked')?.properties.map(({ name }) => name)

  it('is written before anything is collected', async () => {
    const read = await settings()
    assert.deepEqual(clicked(read), ['product'])
    assert.deepEqual(
      read.sources.map(({ name, keys }) => [name, keys.length]),
      [['web', 0]],
    )
  })

  it('takes a compatible edit, a new event and new keys within seconds', async () => {
    const before = await settings()
    project.write(
      'raw/event/product_clicked.ts',
      declaration("product: text('which'), list: text('from which list')"),
    )
    await live(async () => clicked(await settings())?.length === 2)
    project.write(
      'raw/event/product_liked.ts',
      declaration("product: text('which')").replace('Clicked', 'Liked'),
    )
    await live(async () => (await settings()).events.length === before.events.length + 1)
    assert.notEqual((await settings()).catalog, before.catalog)
    const { id } = await createKey(state, 'web', Date.now())
    await live(async () => (await settings()).sources[0]!.keys.length === 1)
    await revokeKey(state, id, Date.now())
    await live(async () => (await settings()).sources[0]!.keys.length === 0)
    assert.deepEqual([refused, errors], [[], []])
  })

  it('leaves the old catalog live when an edit is incompatible or broken, and says why; keys still follow', async () => {
    const before = await settings()
    project.write(
      'raw/event/product_clicked.ts',
      declaration("product: text('which', { required: true })"),
    )
    await live(() => refused.length > 0)
    assert.match(refused[0]!.join('; '), /"list" was removed.*"product" became required/)
    await createKey(state, 'web', Date.now())
    await live(async () => (await settings()).sources[0]!.keys.length === 1)
    project.write('raw/event/product_clicked.ts', 'export default 5 +\n')
    await live(() => errors.length > 0)
    assert.equal((errors[0] as { code?: string }).code, 'CHECK_FAILED')
    assert.deepEqual((await settings()).events, before.events)
  })
})
