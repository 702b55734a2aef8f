/** A map bounded by the weight of what it holds; what was used longest ago goes first. */
export class LeastRecentlyUsed<T> {
  readonly #weightMax: number
  readonly #held = new Map<string, { readonly value: T; readonly weight: number }>()
  #weight = 0

  constructor(weightMax: number) {
    this.#weightMax = weightMax
  }

  get(key: string): T | undefined {
    const held = this.#held.get(key)
    if (held === undefined) return undefined
    this.#held.delete(key)
    this.#held.set(key, held)
    return held.value
  }

  /** What is heavier than the whole map is not kept. */
  set(key: string, value: T, weight: number): void {
    this.delete(key)
    if (weight > this.#weightMax) return
    this.#held.set(key, { value, weight })
    this.#weight += weight
    for (const oldest of this.#held.keys()) {
      if (this.#weight <= this.#weightMax) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const held = this.#held.get(key)
    if (held === undefined) return
    this.#held.delete(key)
    this.#weight -= held.weight
  }
}
