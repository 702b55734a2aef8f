/** A small project that collects: views of products by people, and a metric of them; in a folder of its own, by the same doors that everybody uses. */
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../../src/app/app.ts'
import { isMaruError } from '../../src/base/errors.ts'
import { makeTestProject } from '../../src/project/test-project.suite.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'

const declarations: Readonly<Record<string, string>> = {
  'raw/event/product_viewed.ts': `import { event, integer, text } from 'maru'
export default event({
  owner: 'growth',
  description: 'the page of a product was on a screen',
  name: 'product viewed',
  properties: { product_id: integer('the product', { required: true }), came_from: text('what led there') },
  example: { product_id: 42 },
})
`,
  'obj/person.ts': `import { people } from 'maru'
export default people({ owner: 'growth', description: 'who the id of an event is', reaches_back: '5 hours' })
`,
  'act/product_view.ts': `import { activity, integer, key, refers, sql, timestamp } from 'maru'
import person from '../obj/person.ts'
import product_viewed from '../raw/event/product_viewed.ts'
export default activity({
  says: '{visitor} viewed a product',
  owner: 'growth',
  description: 'somebody saw the page of a product',
  columns: {
    id: key('message', { type: 'text' }),
    occurred_at: timestamp('when'),
    visitor: refers(person, 'who saw it', { orphans: 'allowed' }),
    product_number: integer('what was seen'),
  },
  by: 'visitor',
  sql: sql\`
    select id, occurred_at, actor as visitor, product_id as product_number
    from \${product_viewed}\`,
})
`,
  'metric/visits.ts': `import { count, distinct } from 'maru'
import product_view from '../act/product_view.ts'
export const product_views = count(product_view, { description: 'product pages seen' })
export const visitors = distinct(product_view.visitor, { description: 'devices and members who saw a product' })
`,
}

export const eventKey = 'a-key-of-the-web-source'

/** What `maru init` makes is gone from it; \`config\` stands within defineConfig. */
export function makeEventProject(
  config = `collect: { port: 0, sources: { web: { keys: '${eventKey}' } } }`,
): TestProject {
  const project = makeTestProject()
  for (const folder of ['data', 'raw', 'obj', 'act', 'obj_attr', 'metric']) project.remove(folder)
  project.write(
    'maru.config.ts',
    `import { defineConfig, postgres } from 'maru'\nexport default defineConfig({ zone: 'Asia/Seoul', ${config} })\n`,
  )
  for (const [path, text] of Object.entries(declarations)) project.write(path, text)
  return project
}

/** Throws when an event is not taken. */
export async function sendEvents(
  port: number,
  events: readonly object[],
  key: string = eventKey,
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ events }),
  })
  const text = await response.text()
  if (response.status !== 200 || /quarantined|retry/.test(text))
    throw new Error(`${response.status} ${text}`)
}

/** Waits until the answer holds, at most 20 seconds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`not within 20 s: ${what}`)
    await wait(50)
  }
}

/** 0 for one that does not exist yet. */
export async function countOf(app: App, table: string): Promise<number> {
  try {
    const { rows } = await app.query(`select count(*) from ${table}`)
    return Number(rows[0]?.[0])
  } catch (error) {
    if (isMaruError(error) && error.code === 'NOT_BUILT') return 0
    throw error
  }
}
