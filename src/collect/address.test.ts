import { equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { applyAddressPolicy, compileClientAddress } from './address.ts'

describe("a sender's address", () => {
  const addressOf = compileClientAddress(['127.0.0.1/32', '10.0.0.0/8', '2001:db8::/32'])

  for (const [peer, forwarded, address, why] of [
    ['203.0.113.7', undefined, '203.0.113.7', 'is of who connects when nothing is forwarded'],
    ['203.0.113.7', '198.51.100.1', '203.0.113.7', 'is not what somebody else says'],
    ['127.0.0.1', '198.51.100.1', '198.51.100.1', 'is what a trusted proxy says'],
    ['::ffff:127.0.0.1', '198.51.100.1', '198.51.100.1', 'knows IPv4 on a socket for both'],
    ['127.0.0.1', '8.8.8.8, 198.51.100.1', '198.51.100.1', 'is not what the sender forwarded'],
    ['127.0.0.1', '198.51.100.1, 10.1.2.3,10.9.9.9', '198.51.100.1', 'is read past each proxy'],
    ['127.0.0.1', '8.8.8.8, 198.51.100.1, 10.1.2.3', '198.51.100.1', 'stops at the first stranger'],
    ['2001:db8::5', '2001:db9::1', '2001:db9::1', 'may be IPv6'],
    ['10.0.0.1', '[2001:db9::1]:4711', '2001:db9::1', 'may come with a port'],
    ['10.0.0.1', '198.51.100.1:4711', '198.51.100.1', 'may come with a port'],
    ['10.0.0.1', '10.0.0.2', '10.0.0.2', 'may be within the network of the proxies'],
    ['10.0.0.1', 'unknown', undefined, 'is not known when the proxy does not say it'],
    ['10.0.0.1', '', undefined, 'is not known when the proxy does not say it'],
    ['fe80::1%eth0', undefined, 'fe80::1', 'is without the name of the card'],
    [undefined, '198.51.100.1', undefined, 'is not known of a socket that is gone'],
  ] as const)
    it(`${why}: ${peer} for ${forwarded}`, () => equal(addressOf(peer, forwarded), address))

  it('is of who connects when no proxy is trusted', () => {
    equal(compileClientAddress([])('127.0.0.1', '198.51.100.1'), '127.0.0.1')
  })

  for (const [address, left] of [
    ['198.51.100.77', '198.51.100.0'],
    ['2001:db8:aa:bb:1:2:3:4', '2001:db8:aa::'],
    ['2001:db8::77', '2001:db8:0::'],
    ['::1', '::'],
    ['64:ff9b::198.51.100.77', '64:ff9b:0::'],
    ['::2:3:4:5:6:7:77', '0:2:3::'],
    ['not an address', undefined],
  ] as const)
    it(`is cut to its network: ${address}`, () => {
      equal(applyAddressPolicy(address, 'truncate'), left)
      equal(applyAddressPolicy(address, 'remove'), undefined)
    })
})
