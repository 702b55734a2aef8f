/** A project that collects one event, and nothing else. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join } from 'node:path'
import { linkMaru } from '../project/shop-project.ts'

export const benchKey = 'key-of-the-bench'

const configText = (processes: number): string => `import { defineConfig } from 'maru'
export default defineConfig({
  zone: 'Asia/Seoul',
  collect: { port: 0, processes: ${processes}, sources: { web: { keys: '${benchKey}' } } },
})
`

const files: Readonly<Record<string, string>> = {
  'raw/event/clicked.ts': `import { event, integer, text } from 'maru'
export default event({
  owner: 'shop',
  description: 'a product in a list was clicked',
  name: 'clicked',
  properties: {
    product: text('which', { required: true }),
    price: integer('in cents', { required: true }),
    list: text('where it stood'),
    position: integer('how far down'),
  },
  example: { product: 'p-17', price: 1990, list: 'home', position: 3 },
})
`,
}

export function writeCollectProject(processes: number): {
  readonly folder: string
  remove(): void
} {
  const folder = mkdtempSync(join(os.tmpdir(), 'maru-bench-collect-'))
  for (const [path, text] of Object.entries({
    ...files,
    'maru.config.ts': configText(processes),
  })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  linkMaru(folder)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
