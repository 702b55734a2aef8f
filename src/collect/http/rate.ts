/** Token buckets: how many events a name may send in a second, with a burst. The number of names is bounded: the one longest unused goes. */

export class RateLimits {
  readonly #namesMax: number
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()

  constructor(namesMax: number) {
    this.#namesMax = namesMax
  }

  /** Takes `count` more and gives 0 when they are within the rate; else the seconds until they are. */
  take(
    name: string,
    rate: {
      readonly perSecond: number
      readonly burst: number
      readonly count: number
      readonly nowMs: number
    },
  ): number {
    const { perSecond, burst, count, nowMs } = rate
    const before = this.#buckets.get(name)
    const tokens =
      before === undefined
        ? burst
        : Math.min(burst, before.tokens + (Math.max(0, nowMs - before.atMs) / 1_000) * perSecond)
    this.#buckets.delete(name)
    const missing = Math.max(0, Math.min(count, burst) - tokens)
    this.#buckets.set(name, { tokens: missing === 0 ? tokens - count : tokens, atMs: nowMs })
    if (this.#buckets.size > this.#namesMax)
      this.#buckets.delete(this.#buckets.keys().next().value!)
    return missing / perSecond
  }
}
