/** Who sent a request, past the proxies in front, and what a source's policy leaves of the address: all, the network, or nothing. */
import { BlockList, isIP } from 'node:net'

/** undefined: not known. `forwarded`: the header `X-Forwarded-For`, to whose right each proxy adds whom it was called by. */
export type ClientAddress = (
  peer: string | undefined,
  forwarded: string | undefined,
) => string | undefined

/** Goes from the connection leftwards through what is forwarded, as long as a trusted proxy says it: whoever is not trusted may say anything. */
export function compileClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList()
  for (const text of trustedProxies) {
    const { address, bits, family } = parseNetwork(text)
    trusted.addSubnet(address, bits, family)
  }
  return (peer, forwarded) => {
    const hops = forwarded?.split(',') ?? []
    let address = plainAddress(peer)
    while (hops.length > 0 && address !== undefined) {
      if (!trusted.check(address, familyOf(address))) return address
      address = plainAddress(withoutPort(hops.pop()!.trim()))
    }
    return address
  }
}

interface Network {
  readonly address: string
  readonly bits: number
  readonly family: ReturnType<typeof familyOf>
}

/** `10.0.0.0/8`, `fd00::/8`, or one address; the configuration has checked it. */
function parseNetwork(text: string): Network {
  const [address = '', length] = text.split('/')
  const family = familyOf(address)
  return { address, family, bits: Number(length ?? (family === 'ipv4' ? 32 : 128)) }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}

/** Some proxies add the port: `10.0.0.1:4711`, `[fd00::1]:4711`. */
function withoutPort(text: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? []
  return bracketed ?? plain ?? text
}

/** The first 48 bits. */
function networkOf(address: string): string {
  // A URL writes an address in one way: without leading zeros, IPv4 parts or a second form of the gap.
  const [left = '', right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const before = left === '' ? [] : left.split(':')
  const after = right === undefined || right === '' ? [] : right.split(':')
  const gap = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const groups = [...before, ...gap, ...after].slice(0, 3).join(':')
  return `${groups}::`.replace(/^(0:)*0::$/, '::')
}

/** IPv4 in its own form also where a socket takes both, IPv6 without the name of the card; undefined when it is no address. */
function plainAddress(text: string | undefined): string | undefined {
  const [address = ''] = (text ?? '').split('%', 1)
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, '')
  return isIP(plain) === 0 ? undefined : plain
}

export function applyAddressPolicy(
  address: string | undefined,
  policy: 'keep' | 'truncate' | 'remove',
): string | undefined {
  if (address === undefined || policy === 'remove') return undefined
  if (policy === 'keep') return address
  const plain = plainAddress(address) ?? ''
  switch (isIP(plain)) {
    case 4:
      return `${plain.slice(0, plain.lastIndexOf('.'))}.0`
    case 6:
      return networkOf(plain)
    default:
      return undefined
  }
}
