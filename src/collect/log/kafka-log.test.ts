import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ProduceAcks, Producer } from '@platformatic/kafka'
import { startKafka } from '../../../test/kafka.ts'
import type { Kafka } from '../../../test/kafka.ts'
import { requirePart } from '../../../test/requirements.ts'
import { isMaruError } from '../../base/errors.ts'
import { describeLog, readOn, record, suitePartitions, texts } from '../log.suite.ts'
import { ship } from '../ship.ts'
import { openKafkaLog, openKafkaReader } from './kafka-log.ts'
import { openSegmentLog } from './segment-log.ts'
import { openSegmentReader } from './segment-reader.ts'

const part = requirePart('kafka')

if (part.skip !== false) {
  it('keeps a log in Kafka', { skip: part.skip }, () => undefined)
} else {
  let kafka: Kafka
  before(async () => {
    kafka = await startKafka(part)
  })
  after(() => kafka.remove())

  describeLog('Kafka', async () => {
    const { brokers } = kafka
    const topic = `events-${randomUUID()}`
    const partitions = suitePartitions
    return {
      write: (options) => openKafkaLog({ brokers, topic, partitions, ...options }),
      read: (name) => openKafkaReader({ brokers, topic, name }),
      remove: () => Promise.resolve(),
    }
  })

  describe('a log in Kafka', () => {
    it('refuses a topic with fewer partitions than it needs', async () => {
      const { brokers } = kafka
      const topic = `events-${randomUUID()}`
      const small = await openKafkaLog({ brokers, topic, partitions: 1 })
      await small.append([record('a')])
      await small.close()
      const log = await openKafkaLog({ brokers, topic, partitions: 3 })
      await rejects(log.append([record('b', 2)]), {
        code: 'PROJECT_CONFIG',
        message: /1 partition/,
      })
      await log.close()
    })

    it('says that a position is no longer there', async () => {
      const { brokers } = kafka
      const topic = `events-${randomUUID()}`
      const log = await openKafkaLog({ brokers, topic, partitions: 1 })
      await log.append([record('a')])
      await log.close()
      const reader = await openKafkaReader({ brokers, topic, name: 'reader' })
      await rejects(reader.read('0', { position: '99', bytesMax: 100 }), { code: 'LOG_EXPIRED' })
      await reader.close()
    })

    it('uses a client that loses none of many single messages sent at once', async () => {
      const { brokers } = kafka
      const topic = `events-${randomUUID()}`
      const log = await openKafkaLog({ brokers, topic, partitions: 1 })
      await log.append([record('first')])
      await log.close()
      const bootstrapBrokers = [...brokers]
      for (const idempotent of [false, true]) {
        const options = { clientId: 'test', bootstrapBrokers, acks: ProduceAcks.ALL, idempotent }
        const producer = new Producer(options)
        const sends = Array.from({ length: 200 }, (_, index) => {
          const value = Buffer.from(`${idempotent} ${index}`)
          return producer.send({ messages: [{ topic, partition: 0, value }] })
        })
        await Promise.all(sends)
        await producer.close()
      }
      const reader = await openKafkaReader({ brokers, topic, name: 'reader' })
      const seen = texts(await readOn(reader, new Map()))
      await reader.close()
      equal(seen.length, 401)
      equal(new Set(seen).size, 401)
    })

    it('says at once that a record is larger than the topic takes, and that no retry helps', async () => {
      const { brokers } = kafka
      const topic = `events-${randomUUID()}`
      const log = await openKafkaLog({ brokers, topic, partitions: 1 })
      await log.append([{ partition: 0, bytes: Buffer.alloc(8 * 1024 * 1024, 'a') }])
      const bytes = Buffer.alloc(70 * 1024 * 1024, 'b')
      await rejects(log.append([{ partition: 0, bytes }]), { retry: 'never' })
      await log.append([record('after')])
      const reader = await openKafkaReader({ brokers, topic, name: 'reader' })
      equal((await readOn(reader, new Map())).length, 2)
      await log.close()
      await reader.close()
    })

    it('gets every event of the local log, in order, past a broker that stalls and one that is killed', async () => {
      const { brokers } = kafka
      const topic = `events-${randomUUID()}`
      const parent = await mkdtemp(path.join(os.tmpdir(), 'maru-ship-'))
      const local = await openSegmentLog({ folder: path.join(parent, 'one') })
      const kafkaOptions = { brokers, topic, timeoutMs: 1_000 }
      const remote = await openKafkaLog({ ...kafkaOptions, partitions: 2 })
      const localReader = await openSegmentReader({ folder: parent, name: 'ship' })
      const stopping = new AbortController()
      const retried: unknown[] = []
      const onError = (error: unknown): void => void retried.push(error)
      const shipping = ship(localReader, remote, { signal: stopping.signal, onError })
      const sent: string[] = []
      const send = async (name: string): Promise<void> => {
        for (let index = 0; index < 20; index++) {
          const text = `${name}-${index}`
          await local.append([record(text, index % 2)])
          sent.push(text)
        }
      }
      await send('well')
      kafka.stall()
      const startedAtMs = performance.now()
      await send('stalled')
      ok(performance.now() - startedAtMs < 1_000, 'the local log waits for no broker')
      while (retried.length < 1) await new Promise((resolve) => setTimeout(resolve, 50))
      kafka.resume()
      await send('resumed')
      await kafka.kill()
      const before = retried.length
      await send('killed')
      while (retried.length === before) await new Promise((resolve) => setTimeout(resolve, 50))
      await kafka.start()
      await send('started')

      const reader = await openKafkaReader({ brokers, topic, name: 'reader' })
      const seen = new Map<string, number>()
      const places = new Map<string, string>()
      const until = performance.now() + 30_000
      while (seen.size < sent.length && performance.now() < until) {
        for (const text of texts(await readOn(reader, places)))
          seen.set(text, (seen.get(text) ?? 0) + 1)
      }
      stopping.abort()
      await shipping
      deepEqual([...seen.keys()].toSorted(), sent.toSorted())
      for (const lane of [0, 1]) {
        const inLane = (text: string): boolean => Number(text.split('-')[1]) % 2 === lane
        deepEqual([...seen.keys()].filter(inLane), sent.filter(inLane))
      }
      equal(
        retried.every(
          (error) =>
            isMaruError(error) && (error.code === 'LOG_UNREACHABLE' || error.code === 'LOG_BUSY'),
        ),
        true,
      )
      for (const each of [local, localReader, remote, reader]) await each.close()
      await rm(parent, { recursive: true })
    })
  })
}
