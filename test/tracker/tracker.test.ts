/** The generated tracker: types from the catalog, small in a browser, and no event lost while the collector is away. */
import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { generateTracker } from '../../src/app/tracker.ts'
import { event, integer, list, text, timestamp } from '../../src/index.ts'
import { buildModel } from '../../src/model/build.ts'
import type { createClient, TrackerOptions, Who } from '../../src/tracker/tracker.ts'

const run = promisify(execFile)
const repository = path.resolve(import.meta.dirname, '../..')

interface Sent {
  readonly write_key: string
  readonly sent_at: string
  readonly events: readonly {
    readonly id: string
    readonly kind: string
    readonly event?: string
    readonly member_id?: string
    readonly properties: Readonly<Record<string, unknown>>
  }[]
}

interface Generated {
  readonly createTracker: (options: TrackerOptions) => ReturnType<typeof createClient> & {
    readonly track: Readonly<
      Record<string, (properties?: Readonly<Record<string, unknown>>, who?: Who) => void>
    >
  }
}

describe('the generated tracker', () => {
  let folder: string
  let createTracker: Generated['createTracker']
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'maru-tracker-'))
    const clicked = event({
      owner: 'growth',
      description: 'a product was opened',
      name: 'Product Clicked',
      properties: {
        product_id: integer('which', { required: true }),
        shown_at: timestamp('since when it was seen'),
        words: list('text', 'what was searched'),
        place: text('where'),
      },
      example: { product_id: 1 },
    })
    const { model, problems } = buildModel(
      [{ path: 'raw/event/product_clicked.ts', exportName: 'default', value: clicked }],
      { zone: 'UTC', buckets: 1 },
    )
    assert.deepEqual(problems, [])
    await mkdir(path.join(folder, 'web'))
    await writeFile(path.join(folder, 'web/tracker.ts'), await generateTracker(model))
    ;({ createTracker } = (await import(path.join(folder, 'web/tracker.ts'))) as Generated)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('takes what the catalog declares, and nothing else, for the browser’s types', async () => {
    const check = async (line: string): Promise<string> => {
      await writeFile(
        path.join(folder, 'web/use.ts'),
        `import { createTracker } from './tracker.ts'\nconst { track } = createTracker({ url: '', writeKey: '' })\n${line}\n`,
      )
      const tsc = path.join(repository, 'node_modules/typescript/bin/tsc')
      const words = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--lib', 'esnext,dom']
      words.push('--exactOptionalPropertyTypes', '--allowImportingTsExtensions', '--types', '')
      words.push('--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'esnext')
      return await run(process.execPath, [tsc, ...words, 'web/use.ts'], { cwd: folder }).then(
        () => '',
        (error: { readonly stdout: string }) => error.stdout,
      )
    }
    assert.equal(
      await check(
        "track.productClicked({ product_id: 1, shown_at: new Date(), words: ['a'] }, { memberId: '7' })",
      ),
      '',
    )
    assert.match(await check("track.productClicked({ product_id: 'one' })"), /TS2322/)
    assert.match(await check('track.productClicked({ product_id: 1, colour: 2 })'), /colour/)
    assert.match(await check('track.productClicked({})'), /product_id/)
    assert.match(await check('track.productBought({})'), /productBought/)
  })

  it('stays under 4 KB, without comments and gzipped, before any minifier', async () => {
    const source = await readFile(path.join(folder, 'web/tracker.ts'), 'utf8')
    const bare = stripTypeScriptTypes(source)
      .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
      .replaceAll(/\s*\n\s*/g, '\n')
    const bytes = gzipSync(bare, { level: 9 }).length
    assert.ok(bytes < 4_096, `${bytes} bytes`)
  })

  it('keeps events while the collector is away or busy, and sends each until it is answered for', async () => {
    const seen = new Map<string, number>()
    const names: string[] = []
    let requests = 0
    const answer = (sent: Sent): { readonly status: number; readonly body: unknown } => {
      requests++
      assert.equal(sent.write_key, 'key-of-the-web-source')
      if (requests === 1) return { status: 429, body: { error: 'overloaded' } }
      const results = sent.events.map(({ id, event, kind }, index) => {
        if (requests === 2 && index === 1) return { id, result: 'retry' }
        seen.set(id, (seen.get(id) ?? 0) + 1)
        names.push(event ?? kind)
        return kind === 'page'
          ? { id, result: 'quarantined', rule: 'wrong_type' }
          : { id, result: 'ok' }
      })
      return { status: 200, body: { results } }
    }
    const first = await serve(answer)
    const { port } = first.address() as AddressInfo
    await new Promise((resolve) => first.close(resolve))
    const dropped: string[] = []
    const tracker = createTracker({
      url: `http://127.0.0.1:${port}/`,
      writeKey: 'key-of-the-web-source',
      waitMs: 10,
      queueMax: 4,
      onDrop: (given, why) => dropped.push(`${given.event ?? given.kind} ${why}`),
    })
    tracker.track['productClicked']!({ product_id: 0 })
    tracker.identify('7')
    tracker.track['productClicked']!({ product_id: 1 })
    tracker.track['productClicked']!({ product_id: 2 }, { memberId: '8' })
    tracker.page()
    await tracker.flush()
    assert.equal(requests, 0)
    const second = await serve(answer, port)
    try {
      for (let wait = 0; wait < 200 && seen.size < 4; wait++)
        // oxlint-disable-next-line no-await-in-loop
        await new Promise((resolve) => setTimeout(resolve, 50))
      assert.deepEqual([...seen.values()], [1, 1, 1, 1])
      assert.deepEqual(names, ['identify', 'Product Clicked', 'page', 'Product Clicked'])
      assert.deepEqual(dropped, ['Product Clicked queue_full', 'page quarantined: wrong_type'])
      await tracker.close()
    } finally {
      second.closeAllConnections()
      second.close()
    }
  })
})

async function serve(
  answer: (sent: Sent) => { readonly status: number; readonly body: unknown },
  port = 0,
): Promise<Server> {
  const server = createServer((request, response) => {
    void bodyOf(request).then((sent) => {
      const { status, body } = answer(sent)
      response.writeHead(status).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}

async function bodyOf(request: IncomingMessage): Promise<Sent> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as Sent
}
