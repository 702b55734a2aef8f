/** A typed tracker from the event catalog: the text of the client, then one method for each event. */
import { readFile } from 'node:fs/promises'
import type { ColumnType, Model, RawEventModel } from '../model/model.ts'

/** TypeScript of one file that imports nothing. The same catalog gives the same text. */
export async function generateTracker(model: Model): Promise<string> {
  const client = await readFile(new URL('../tracker/tracker.ts', import.meta.url), 'utf8')
  const events = model.tables
    .filter((table) => table.kind === 'raw_event')
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return `// Written by \`maru tracker\` from the event catalog; run it again after a change.
/* oxlint-disable */
/* eslint-disable */
${client}
/** One method for each event of the catalog. */
export interface Track {
${events.map(methodType).join('\n')}
}

export interface Tracker extends Client {
  readonly track: Track
}

export function createTracker(options: TrackerOptions): Tracker {
  const { send, ...client } = createClient(options)
  const method =
    (event: string) =>
    (properties: object = {}, who?: Who): void =>
      send({ kind: 'track', event, properties }, who)
  return {
    ...client,
    track: {
${events.map((event) => `      ${methodName(event)}: method(${JSON.stringify(event.event)}),`).join('\n')}
    },
  }
}
`
}

function methodType(event: RawEventModel): string {
  const declared = event.columns.filter(({ name }) => event.properties.includes(name))
  const optional = declared.some(({ required }) => required) ? '' : '?'
  const properties = declared.map(
    ({ name, type, required, description }) =>
      `      /** ${comment(description)} */\n      readonly ${name}${required ? '' : '?'}: ${typeOf(type)}${required ? '' : ' | undefined'}`,
  )
  const shape =
    properties.length === 0
      ? 'Readonly<Record<string, never>>'
      : `{\n${properties.join('\n')}\n    }`
  return `  /** ${comment(event.description)} */
  ${methodName(event)}(
    properties${optional}: ${shape},
    who?: Who,
  ): void`
}

/** `raw.event.product_clicked` → `productClicked` */
function methodName({ id }: RawEventModel): string {
  return id
    .slice(id.lastIndexOf('.') + 1)
    .replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function comment(text: string): string {
  return text.replaceAll('*/', '* /').replaceAll(/\s+/g, ' ')
}

function typeOf(type: ColumnType): string {
  switch (type.kind) {
    case 'integer':
    case 'number':
      return 'number'
    case 'decimal':
      return 'number | string'
    case 'boolean':
      return 'boolean'
    case 'timestamp':
      return 'Date | string'
    case 'json':
      return 'unknown'
    case 'list':
      return `readonly (${typeOf(type.of)} | null)[]`
    default:
      return 'string'
  }
}
