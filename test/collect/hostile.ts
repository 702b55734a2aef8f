/** Senders that mean no good: sockets that say a part and then wait. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'

export interface Dribble {
  readonly socket: Socket
  /** What was answered so far. */
  readonly answer: () => string
  /** Resolves when the other side has ended the connection. */
  readonly closed: Promise<void>
}

/** Connects, writes this, and stays. */
export async function dribble(port: number, text: string | Uint8Array): Promise<Dribble> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  // What a refused sender writes to a closed connection fails.
  socket.on('error', () => socket.destroy())
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  if (text.length > 0) socket.write(text)
  return { socket, answer: () => answer, closed }
}

export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`not so after 10 s: ${what}`)
    await wait(20)
  }
}
