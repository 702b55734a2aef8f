/**
 * How many events a second a collector takes in: judged, looked up, synced, answered. Beside: bare `node:http` with `JSON.parse` and grouped `fdatasync`, taken in
 * turn. The load comes from this process over kept connections; a figure counts only when every acknowledged request is in the log.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { nodeFiles } from '../src/base/node-files.ts'
import { decodeRequest, readRows, writeSettings } from '../src/collect/collect.ts'
import { openSegmentReader } from '../src/collect/log/segment-reader.ts'
import { median } from './figure.ts'
import type { Bench, Figure } from './figure.ts'

const key = 'key-of-the-bench'
const connections = 50
const self = import.meta.filename
const collectProcess = path.join(import.meta.dirname, '../src/app/collect-process.ts')

export const run: Bench = async ({ short }) => {
  const rounds = short ? 3 : 5
  const durationMs = short ? 1_500 : 4_000
  const figures: Figure[] = []
  for (const size of [20, 1]) {
    const ours: number[] = []
    const bare: number[] = []
    for (let round = 0; round < rounds; round++) {
      ours.push(await eventsPerSecond('collector', { size, durationMs }))
      bare.push(await eventsPerSecond('bare', { size, durationMs }))
    }
    figures.push({
      what: `events taken in, ${size} a request`,
      value: Math.round(median(ours)),
      unit: 'events/s',
      beside: { what: 'node:http, JSON.parse, grouped fdatasync', value: Math.round(median(bare)) },
      ratio: Number(median(ours.map((value, round) => value / bare[round]!)).toPrecision(3)),
    })
  }
  return figures
}

async function eventsPerSecond(
  what: 'collector' | 'bare',
  load: { readonly size: number; readonly durationMs: number },
): Promise<number> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'maru-bench-collect-'))
  const options = {
    settingsPath: path.join(folder, 'settings.json'),
    logFolder: path.join(folder, 'log'),
    duplicatesFolder: path.join(folder, 'known'),
    name: 'one',
    host: '127.0.0.1',
    port: 0,
    reusePort: true,
  }
  await writeBenchSettings(options.settingsPath)
  const args = what === 'bare' ? [self, folder] : [collectProcess, JSON.stringify(options)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { port } = JSON.parse(line.toString()) as { readonly port: number }
    const started = performance.now()
    const acknowledged = await sendFor(port, load)
    const seconds = (performance.now() - started) / 1000
    child.kill('SIGTERM')
    await once(child, 'exit')
    if (what === 'collector') await requireLogged(options.logFolder, acknowledged)
    return acknowledged / seconds
  } finally {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeBenchSettings(settingsPath: string): Promise<void> {
  const sha256 = createHash('sha256').update(key).digest('hex')
  const properties = [
    { name: 'product', type: { kind: 'text' }, required: true },
    { name: 'price', type: { kind: 'integer' }, required: true },
  ] as const
  await writeSettings(nodeFiles, settingsPath, {
    catalog: 'bench',
    events: [
      { id: 'raw.event.clicked', event: 'Clicked', owner: 'shop', version: '1', properties },
    ],
    sources: [
      {
        name: 'web',
        keys: [{ id: 'web-1', sha256 }],
        address: 'truncate',
        unknownProperties: 'keep',
      },
    ],
  })
}

let nextId = 0

function bodyOf(size: number): string {
  const events = Array.from({ length: size }, () => {
    const id = `bench-${nextId++}`
    return `{"id":"${id}","event":"Clicked","anonymous_id":"visitor-${nextId % 5000}","occurred_at":"2026-01-01T10:00:00.000Z","properties":{"product":"p-${nextId % 900}","price":1990,"list":"home","position":3,"tags":["new","sale"]},"context":{"library":{"name":"bench","version":"1"},"locale":"en","page":{"path":"/products/1","url":"https://shop.example/products/1","title":"${'A product '.repeat(20)}"}}}`
  })
  return `{"events":[${events.join(',')}]}`
}

/** Events acknowledged with 200. */
async function sendFor(
  port: number,
  load: { readonly size: number; readonly durationMs: number },
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const endsAtMs = performance.now() + load.durationMs
  let acknowledged = 0
  const send = async (): Promise<void> => {
    while (performance.now() < endsAtMs) {
      const status = await post({ agent, port, body: bodyOf(load.size) })
      if (status !== 200) throw new Error(`answered ${status}`)
      acknowledged += load.size
    }
  }
  await Promise.all(Array.from({ length: connections }, send))
  agent.destroy()
  return acknowledged
}

function post(call: {
  readonly agent: Agent
  readonly port: number
  readonly body: string
}): Promise<number> {
  return new Promise((resolve, reject) => {
    const { agent, port, body } = call
    const headers = {
      authorization: `Bearer ${key}`,
      'content-length': String(Buffer.byteLength(body)),
    }
    const options = { agent, port, host: '127.0.0.1', method: 'POST', path: '/v1/events', headers }
    const sent = request(options, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

async function requireLogged(folder: string, acknowledged: number): Promise<void> {
  const reader = await openSegmentReader({ folder, name: 'bench' })
  const ids = new Set<string>()
  let position: string | undefined
  for (;;) {
    const batch = await reader.read('one', { position, bytesMax: 8_000_000 })
    for (const { bytes } of batch.records)
      for (const { id } of readRows(decodeRequest(bytes)).events) ids.add(id)
    if (batch.atEnd || batch.position === undefined) break
    position = batch.position
  }
  await reader.close()
  if (ids.size !== acknowledged)
    throw new Error(`void: ${acknowledged} acknowledged, ${ids.size} in the log`)
}

/** The peer: the least that answers after the bytes are durable. */
async function serveBare(folder: string): Promise<void> {
  const file = await open(path.join(folder, 'bare'), 'a')
  let waiting: { readonly body: Buffer; readonly done: () => void }[] = []
  let isWriting = false
  const write = async (): Promise<void> => {
    isWriting = true
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await file.writev(group.map((each) => each.body))
      await file.datasync()
      for (const each of group) each.done()
    }
    isWriting = false
  }
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      JSON.parse(body.toString())
      waiting.push({ body, done: () => response.end('{}') })
      if (!isWriting) void write()
    })
  })
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
  })
  process.once('SIGTERM', () => process.exit(0))
}

if (import.meta.main) await serveBare(process.argv[2]!)
