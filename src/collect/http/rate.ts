/** Token buckets: how many events a name may send in a second, with a burst. The number of names is bounded: the one longest unused goes. */

export class RateLimits {
  readonly #namesMax: number
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()

  constructor(namesMax: number) {
    this.#namesMax = namesMax
  }

  /** Whether `count` more are within the rate; takes them if so. */
  take(
    name: string,
    rate: {
      readonly perSecond: number
      readonly burst: number
      readonly count: number
      readonly nowMs: number
    },
  ): boolean {
    const { perSecond, burst, count, nowMs } = rate
    const before = this.#buckets.get(name)
    const tokens =
      before === undefined
        ? burst
        : Math.min(burst, before.tokens + ((nowMs - before.atMs) / 1000) * perSecond)
    this.#buckets.delete(name)
    const isWithin = tokens >= Math.min(count, burst)
    this.#buckets.set(name, { tokens: isWithin ? tokens - count : tokens, atMs: nowMs })
    if (this.#buckets.size > this.#namesMax)
      this.#buckets.delete(this.#buckets.keys().next().value!)
    return isWithin
  }
}
