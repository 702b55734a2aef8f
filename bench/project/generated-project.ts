/** Writes a project of any size with the shape of a real one: chains of tasks over raw tables, references, attributes, metrics. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { linkMaru } from './shop-project.ts'

/** Columns that every table carries besides its own, so that a task has about twenty. */
const measures = Array.from(
  { length: 12 },
  (_, index) => `measure_${String(index).padStart(2, '0')}`,
)

export interface GeneratedProject {
  readonly folder: string
  /** Tables with SQL. */
  readonly tasks: number
  readonly files: readonly string[]
}

/** `tasks` tables with SQL: a fifth objects, a fifth attributes, the rest activities; deterministic. */
export function writeGeneratedProject(folder: string, tasks: number): GeneratedProject {
  const counts = {
    objects: Math.floor(tasks / 5),
    attributes: Math.floor(tasks / 5),
    raws: Math.ceil(tasks / 10),
    metrics: Math.ceil(tasks / 10),
  }
  const activities = tasks - counts.objects - counts.attributes
  const files = new Map<string, string>([
    [
      'maru.config.ts',
      "import { defineConfig } from 'maru'\nexport default defineConfig({ zone: 'Asia/Seoul' })\n",
    ],
  ])
  const each = (count: number, write: (index: number) => readonly [string, string]): void => {
    for (let index = 0; index < count; index++) files.set(...write(index))
  }
  each(counts.raws, rawFile)
  each(counts.objects, (index) => objectFile(index, counts.raws))
  each(activities, (index) => activityFile(index, counts))
  each(counts.attributes, (index) => attributesFile(index, counts.raws))
  each(counts.metrics, (index) => metricFile(index, activities))
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  linkMaru(folder)
  return { folder, tasks, files: [...files.keys()] }
}

const group = (index: number): string => `group_${String(index % 20).padStart(2, '0')}`
const numbered = (name: string, index: number): string =>
  `${name}_${String(index).padStart(4, '0')}`
const measureColumns = measures.map((name) => `    ${name}: integer('a measure'),\n`).join('')

function rawFile(index: number): readonly [string, string] {
  return [
    `raw/${group(index)}/${numbered('line', index)}.ts`,
    `import { decimal, files, integer, text, timestamp } from 'maru'
export default files({
  owner: 'team', description: 'lines as they came', path: 'data/${numbered('line', index)}.csv', format: 'csv', by: 'happened_at',
  columns: {
    id: integer('number'),
    happened_at: timestamp('when'),
    thing_id: integer('of what'),
    other_id: integer('with what'),
    label: text('a name'),
    price: decimal('of one', { unit: 'EUR' }),
${measureColumns}  },
})
`,
  ]
}

function objectFile(index: number, raws: number): readonly [string, string] {
  const source = index % raws
  return [
    `obj/${group(index)}/${numbered('thing', index)}.ts`,
    `import { integer, key, object, sql, text } from 'maru'
import line from '../../raw/${group(source)}/${numbered('line', source)}.ts'
export default object({
  owner: 'team', description: 'a thing',
  columns: {
    id: key('thing'),
    label: text('a name'),
${measureColumns}  },
  sql: sql\`
    select thing_id as id, max(label) as label, ${measures.map((name) => `max(${name}) as ${name}`).join(', ')}
    from \${line}
    group by thing_id\`,
})
`,
  ]
}

function activityFile(
  index: number,
  counts: { readonly objects: number; readonly raws: number },
): readonly [string, string] {
  const thing = index % counts.objects
  const other = (index * 7 + 3) % counts.objects
  // Two of three read another activity, so that chains arise.
  const previous = index % 3 === 0 ? undefined : index - 1
  const raw = index % counts.raws
  const [name, path] =
    previous === undefined
      ? ['line', `raw/${group(raw)}/${numbered('line', raw)}`]
      : ['previous', `act/${group(previous)}/${numbered('deed', previous)}`]
  const from =
    previous === undefined
      ? 'select l.id, l.happened_at as occurred_at, l.thing_id as thing, l.other_id as other, l.price'
      : 'select l.id, l.occurred_at, l.thing, l.other, l.price'
  return [
    `act/${group(index)}/${numbered('deed', index)}.ts`,
    `import { activity, decimal, integer, key, refers, sql, timestamp } from 'maru'
import ${name} from '../../${path}.ts'
import thing from '../../obj/${group(thing)}/${numbered('thing', thing)}.ts'
import other from '../../obj/${group(other)}/${numbered('thing', other)}.ts'
export default activity({
  says: '{thing} met {other}', owner: 'team', description: 'one meeting',
  columns: {
    id: key('meeting'),
    occurred_at: timestamp('when'),
    thing: refers(thing),
    other: refers(other),
    price: decimal('of one', { unit: 'EUR' }),
${measureColumns}  },
  by: 'thing', to: ['other'],
  sql: sql\`
    with known as (
      select id as thing_id, label
      from \${thing}
    )
    ${from}, ${measures.map((measure) => `l.${measure} + ${index} as ${measure}`).join(', ')}
    from \${${name}} l
    left join known k on k.thing_id = l.${previous === undefined ? 'thing_id' : 'thing'}
    where k.label is not null\`,
})
`,
  ]
}

function attributesFile(index: number, raws: number): readonly [string, string] {
  const source = index % raws
  return [
    `obj_attr/${group(index)}/${numbered('score', index)}.ts`,
    `import { attributes, integer, sql } from 'maru'
import thing from '../../obj/${group(index)}/${numbered('thing', index)}.ts'
import line from '../../raw/${group(source)}/${numbered('line', source)}.ts'
export default attributes(thing, {
  history: true,
  columns: { ${numbered('score', index)}: integer('a score'), ${numbered('rank', index)}: integer('a rank') },
  sql: sql\`
    select thing_id as id, happened_at as valid_from, measure_00 as ${numbered('score', index)},
      row_number() over (partition by thing_id order by happened_at, id) as ${numbered('rank', index)}
    from \${line}\`,
}, { owner: 'team', description: 'scores of a thing' })
`,
  ]
}

function metricFile(index: number, activities: number): readonly [string, string] {
  const deed = (index * 5) % activities
  return [
    `metric/${numbered('number', index)}.ts`,
    `import { distinct, sum } from 'maru'
import deed from '../act/${group(deed)}/${numbered('deed', deed)}.ts'
export const ${numbered('price', index)} = sum(deed.price)
export const ${numbered('things', index)} = distinct(deed.thing)
`,
  ]
}
