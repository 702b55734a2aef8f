/** The peer of the collector: the least that answers after the bytes are durable. `node bare-server.ts FOLDER [PORT]` says one line of JSON when it listens; several share a port. */
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

const [, , folder = '', port = '0'] = process.argv
const file = await open(path.join(folder, `bare-${process.pid}`), 'a')
let waiting: { readonly body: Buffer; readonly done: () => void }[] = []
let isWriting = false

async function write(): Promise<void> {
  isWriting = true
  while (waiting.length > 0) {
    const group = waiting
    waiting = []
    // oxlint-disable-next-line no-await-in-loop -- the next group gathers meanwhile
    await file.writev(group.map((each) => each.body))
    // oxlint-disable-next-line no-await-in-loop
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
server.listen({ host: '127.0.0.1', port: Number(port), reusePort: true }, () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
})
process.once('SIGTERM', () => process.exit(0))
