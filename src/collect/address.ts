/** What a source's policy leaves of an address: all, the network, or nothing. */
import { isIP } from 'node:net'

export function applyAddressPolicy(
  address: string | undefined,
  policy: 'keep' | 'truncate' | 'remove',
): string | undefined {
  if (address === undefined || policy === 'remove') return undefined
  const plain =
    address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
  if (policy === 'keep') return plain
  switch (isIP(plain)) {
    case 4:
      return `${plain.slice(0, plain.lastIndexOf('.'))}.0`
    case 6:
      return `${plain.split(':').slice(0, 3).join(':')}::`
    default:
      return undefined
  }
}
