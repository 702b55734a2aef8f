/** A real broker of one node for tests, on free ports, in a folder of its own. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { PartHere } from './requirements.ts'

export interface Kafka {
  readonly brokers: readonly string[]
  /** Stops it in the middle of what it does; `resume` lets it go on. */
  stall(): void
  resume(): void
  kill(): Promise<void>
  start(): Promise<void>
  remove(): Promise<void>
}

export async function startKafka(part: PartHere): Promise<Kafka> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'maru-kafka-'))
  const [port, controllerPort] = await freePorts(2)
  const properties = path.join(folder, 'server.properties')
  await writeFile(properties, settings(folder, port!, controllerPort!))
  const java = (...words: string[]): ChildProcess =>
    spawn('java', ['-Xmx400m', '-cp', path.join(path.dirname(part.program), '*'), ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const clusterId = 'bWFydW1hcnVtYXJ1bWFydQ'
  const format = java('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties)
  format.stdout!.resume()
  format.stderr!.resume()
  await once(format, 'exit')
  let broker: ChildProcess
  const start = async (): Promise<void> => {
    broker = java('kafka.Kafka', properties)
    await started(broker)
  }
  const kill = async (): Promise<void> => {
    if (broker.exitCode !== null || broker.signalCode !== null) return
    const exited = once(broker, 'exit')
    broker.kill('SIGKILL')
    await exited
  }
  await start()
  return {
    brokers: [`127.0.0.1:${port}`],
    stall: () => broker.kill('SIGSTOP'),
    resume: () => broker.kill('SIGCONT'),
    kill,
    start,
    remove: async () => {
      await kill()
      await rm(folder, { recursive: true })
    },
  }
}

function started(broker: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let printed = ''
  const look = (text: Buffer): void => {
    if (printed.length < 1_000_000) printed += text.toString()
    if (printed.includes('Kafka Server started')) resolve()
  }
  broker.stdout!.on('data', look)
  broker.stderr!.on('data', look)
  broker.once('exit', () => reject(new Error(`Kafka ended: ${printed.slice(-2000)}`)))
  return promise
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const ports: number[] = []
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening')
    const address = server.address()
    if (address !== null && typeof address !== 'string') ports.push(address.port)
  }
  for (const server of servers) server.close()
  return ports
}

function settings(folder: string, port: number, controllerPort: number): string {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${path.join(folder, 'logs')}`,
    ...['offsets.topic', 'transaction.state.log'].map((name) => `${name}.replication.factor=1`),
    'transaction.state.log.min.isr=1',
    'auto.create.topics.enable=false',
    '',
  ].join('\n')
}
