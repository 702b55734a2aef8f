/** Which lane of the log a request belongs to: by its first actor, so that one person's events keep their order; actors that send too much share the last lane. */

const hotPerSecond = 100
const hotBurst = 1000
/** Actors share the places by their hash: memory is fixed, and who shares a hot one's place is only kept in order with it. */
const places = 65_536

export class Lanes {
  readonly #count: number
  readonly #sent = new Float64Array(places)
  readonly #atMs = new Float64Array(places)

  /** `count` lanes, the last for hot actors. */
  constructor(count: number) {
    this.#count = count
  }

  laneOf(actor: string | undefined, events: number, nowMs: number): number {
    if (this.#count < 2 || actor === undefined) return 0
    const hashed = hash(actor)
    return this.#isHot(hashed % places, events, nowMs)
      ? this.#count - 1
      : hashed % (this.#count - 1)
  }

  /** A bucket that leaks: what was sent, less what an actor may send in the time since. */
  #isHot(place: number, events: number, nowMs: number): boolean {
    const leaked = ((nowMs - this.#atMs[place]!) / 1_000) * hotPerSecond
    const sent = Math.max(0, this.#sent[place]! - Math.max(0, leaked)) + events
    this.#atMs[place] = nowMs
    this.#sent[place] = Math.min(sent, 2 * hotBurst)
    return sent > hotBurst
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value >>> 0
}
