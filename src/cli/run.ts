import type { RunProgress, RunRecord } from '../app/app.ts'
import type { Command } from './command.ts'
import { formatOption, projectOption } from './command.ts'
import { printRows, write } from './output.ts'
import { rangeOptions, readRunOptions } from './run-options.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  name: 'run',
  summary: 'Brings everything that is stale up to date, in order, in parallel where it can.',
  usage: '[ID…] [--from D] [--to D] [--full]',
  options: { project: projectOption, format: formatOption, ...rangeOptions },
  details: `
With ids: those and all that they read. Each task publishes in one commit, after its checks; a task that fails blocks only what reads it
(exit 1). A run that is killed can simply be run again.

Examples:
  maru run
  maru run merged.purchase
  maru run --from 2011-03-01 --to 2011-04-01
  maru run act.purchase --full`,
  run: async (words) => {
    const format = words.format()
    const options = readRunOptions(words)
    return await withApp(words, async (app) => {
      const watched = process.stderr.isTTY
      const record = await app.run({
        ...options,
        signal: stopSignal(),
        ...(watched ? { onProgress: showProgress } : {}),
      })
      if (watched) process.stderr.write('\r\u001b[K')
      printRecord(record, format)
      return record.status === 'done' ? 0 : 1
    })
  },
}

function printRecord(
  record: RunRecord,
  format: ReturnType<Parameters<Command['run']>[0]['format']>,
): void {
  const columns = [
    'id',
    'status',
    'partitions_built',
    'partitions_published',
    'rows',
    'duration_ms',
    'error',
  ]
  const rows = record.tasks.map((task) => [
    task.taskId,
    task.status,
    task.partitionsBuilt,
    task.partitionsPublished,
    task.rows,
    Math.round(task.durationMs),
    task.error ?? null,
  ])
  if (format !== 'table') {
    printRows({ columns, rows }, format)
    for (const task of record.tasks)
      if (task.error !== undefined) process.stderr.write(`maru: ${task.error}\n`)
    return
  }
  const worked = record.tasks.filter((task) => task.status !== 'unchanged')
  const unchanged = record.tasks.length - worked.length
  if (worked.length > 0) {
    const shown = rows.filter((row) => row[1] !== 'unchanged').map((row) => row.slice(0, -1))
    printRows({ columns: columns.slice(0, -1), rows: shown }, 'table')
  }
  const seconds = ((record.finishedAtMs ?? record.startedAtMs) - record.startedAtMs) / 1000
  write(
    `${worked.filter((task) => task.status === 'published').length} published, ${unchanged} unchanged, ${worked.filter((task) => task.status === 'failed').length} failed, ${worked.filter((task) => task.status === 'blocked').length} blocked in ${seconds.toFixed(1)} s\n`,
  )
  for (const task of record.tasks)
    if (task.status === 'failed') process.stderr.write(`maru: ${task.error}\n`)
}

/** The first Ctrl-C lets the tasks at work end and gives the project free for the next run; the second kills. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Error('stopped')))
  return stop.signal
}

function showProgress(progress: RunProgress): void {
  const what =
    progress.kind === 'started' ? progress.taskId : `${progress.taskId} ${progress.outcome.status}`
  process.stderr.write(`\r\u001b[K${progress.done}/${progress.total} ${what}`)
}
