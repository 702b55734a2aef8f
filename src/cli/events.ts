import { MaruError } from '../base/errors.ts'
import type { App, EventStatus, QuarantineFilter } from '../app/app.ts'
import type { Command, Words } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { objectsOf, printJson, printRows, write } from './output.ts'
import { withApp } from './with-app.ts'

const rowsMax = 1_000

export const command: Command = {
  name: 'events',
  summary:
    'Shows how far events have come and which were refused, and brings them back after a fix.',
  usage: 'status | quarantine | replay [--event NAME] [--rule RULE] [--since D]',
  options: {
    project: projectOption,
    event: { type: 'string', value: 'NAME', describes: 'only events of this name, as sent' },
    rule: { type: 'string', value: 'RULE', describes: 'only those that this rule refused' },
    since: {
      type: 'string',
      value: 'D',
      describes: 'only those received from this instant on (ISO 8601)',
    },
    format: formatOption,
  },
  details: `
status shows, for each collector and lane, when the last event was acknowledged, up to when events have arrived in the lake (with Kafka: in the topic, and from there in
the lake), and what waits behind that; then what was refused in the last 24 hours, by event and rule. A lane is a part of the log that keeps the order of its people.

An event that the catalog does not take is acknowledged and kept with its bytes, the rule and the owner of its entry. Mend the entry under raw/event/ (or the
sender), then replay: what passes now lands with the time it was received at first, once, however often it is replayed. At most ${rowsMax} at a time, oldest first.

Examples:
  maru events status
  maru events quarantine
  maru events quarantine --rule unknown_event --format json
  maru events replay --event 'Product Viewed'`,
  run: async (words) => {
    const format = words.format()
    const [action, ...more] = words.positionals
    if (action === 'status' && more.length === 0)
      return await withApp(words, async (app) => {
        printStatus(await app.eventStatus(), format)
        return 0
      })
    if ((action !== 'quarantine' && action !== 'replay') || more.length > 0)
      throw new MaruError('USAGE', 'events takes one action', {
        hint: 'write maru events status, maru events quarantine or maru events replay',
      })
    const filter = readFilter(words)
    return await withApp(words, async (app) => {
      if (action === 'replay') {
        const { replayed, refused } = await app.replayEvents(filter)
        write(`${replayed} replayed, ${refused} still refused\n`)
      } else await show(app, filter, format)
      return 0
    })
  },
}

function printStatus(
  { atMs, lanes, isAtLeast, refused, topicFault }: EventStatus,
  format: ReturnType<Words['format']>,
): void {
  const time = (ms: number | undefined): string | null =>
    ms === undefined ? null : new Date(ms).toISOString()
  const logs = {
    columns: [
      'log',
      'lane',
      'to',
      'acknowledged_until',
      'arrived_until',
      'waiting_events',
      'waiting_bytes',
      'waiting_seconds',
    ],
    rows: lanes.map(({ log, lane, to, acknowledgedAtMs, arrivedAtMs, waiting }) => [
      log,
      lane,
      to,
      time(acknowledgedAtMs),
      time(arrivedAtMs),
      waiting.events,
      waiting.bytes,
      waiting.sinceMs === undefined ? 0 : Math.max(0, Math.round((atMs - waiting.sinceMs) / 1_000)),
    ]),
  }
  const columns = ['event', 'rule', 'owner', 'count']
  const rows = refused.map((each) => [
    each.event ?? null,
    each.rule,
    each.owner ?? null,
    each.count,
  ])
  if (format === 'json')
    return printJson({
      at: time(atMs),
      complete: !isAtLeast,
      topic_fault: topicFault ?? null,
      logs: objectsOf(logs),
      refused_24h: objectsOf({ columns, rows }),
    })
  printRows(logs, format)
  if (format === 'table') {
    if (topicFault !== undefined) write(`The topic does not answer: ${topicFault}\n`)
    else if (isAtLeast) write('More waits than was counted.\n')
    write(
      rows.length === 0
        ? '\nNothing was refused in the last 24 hours.\n'
        : '\nRefused in the last 24 hours:\n',
    )
  }
  if (rows.length > 0) printRows({ columns, rows }, format)
}

async function show(
  app: App,
  filter: QuarantineFilter,
  format: ReturnType<Words['format']>,
): Promise<void> {
  const refused = await app.refusedEvents(filter)
  const columns = ['received_at', 'source', 'event', 'rule', 'reason', 'owner', 'id']
  const rows = refused.map((each) => [
    new Date(each.receivedAtMs).toISOString(),
    each.source,
    each.event ?? null,
    each.rule,
    each.reason,
    each.owner ?? null,
    each.id,
  ])
  if (format === 'table') printRows({ columns, rows }, format)
  else
    printRows(
      {
        columns: [...columns, 'schema_version', 'bytes'],
        rows: rows.map((row, index) => [
          ...row,
          refused[index]!.schemaVersion,
          refused[index]!.bytes,
        ]),
      },
      format,
    )
}

function readFilter(words: Words): QuarantineFilter {
  const event = words.text('event')
  const rule = words.text('rule')
  const since = words.text('since')
  const sinceMs = since === undefined ? undefined : Date.parse(since)
  if (sinceMs !== undefined && Number.isNaN(sinceMs))
    throw new MaruError('USAGE', `--since ${since} is no instant`, {
      hint: 'write 2026-05-01 or 2026-05-01T09:00:00+09:00',
    })
  return {
    rowsMax,
    ...(event === undefined ? {} : { event }),
    ...(rule === undefined ? {} : { rule }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  }
}
