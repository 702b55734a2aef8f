/** Which lane of the log a request belongs to: by its first actor, so that one person's events keep their order; actors that send too much share the last lane. */
import { RateLimits } from './http/rate.ts'

const hotPerSecond = 100
const hotBurst = 1000
const actorsMax = 50_000

export class Lanes {
  readonly #count: number
  readonly #rates = new RateLimits(actorsMax)

  /** `count` lanes, the last for hot actors. */
  constructor(count: number) {
    this.#count = count
  }

  laneOf(actor: string | undefined, events: number, nowMs: number): number {
    if (this.#count < 2 || actor === undefined) return 0
    const isCalm = this.#rates.take(actor, {
      perSecond: hotPerSecond,
      burst: hotBurst,
      count: events,
      nowMs,
    })
    return isCalm ? hash(actor) % (this.#count - 1) : this.#count - 1
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value >>> 0
}
