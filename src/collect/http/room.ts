/** Memory for bodies, counted as they come. When there is none left, those who have dribbled for longest make room for others: else a few of them could keep everybody out. */

/** What one request holds. */
export interface Place {
  heldBytes: number
  readonly enteredAtMs: number
  /** While the body is still coming: no longer waits for it. */
  giveUp?: (() => void) | undefined
}

export interface RoomOptions {
  readonly bytesMax: number
  /** What is held of requests elsewhere. */
  readonly elsewhereBytes: () => number
}

const dribbleMs = 2_000

export class Room {
  readonly #options: RoomOptions
  /** The oldest first. */
  readonly #places = new Set<Place>()
  #heldBytes = 0

  constructor(options: RoomOptions) {
    this.#options = options
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  enter(): Place {
    const place = { heldBytes: 0, enteredAtMs: performance.now() }
    this.#places.add(place)
    return place
  }

  /** Whether there is room for them; they are counted in any case, until the place is left. */
  hold(place: Place, bytes: number): boolean {
    place.heldBytes += bytes
    this.#heldBytes += bytes
    return this.makeRoom(0)
  }

  leave(place: Place): void {
    this.#places.delete(place)
    this.#heldBytes -= place.heldBytes
    place.heldBytes = 0
  }

  /** Whether there is room for so many more. */
  makeRoom(bytes: number): boolean {
    if (this.hasRoom(bytes)) return true
    const endMs = performance.now() - dribbleMs
    for (const place of this.#places) {
      if (place.enteredAtMs > endMs) return false
      const { giveUp } = place
      if (giveUp === undefined) continue
      this.leave(place)
      giveUp()
      if (this.hasRoom(bytes)) return true
    }
    return false
  }

  hasRoom(bytes: number): boolean {
    return this.#heldBytes + this.#options.elsewhereBytes() + bytes <= this.#options.bytesMax
  }
}
