/**
 * What is not the public internet, by the registries of special addresses (RFC 6890 and what came after) and by the habits of
 * clouds. PURE.
 */
import type { Destinations } from "../EgressPolicy.ts"

export const privatePlaces: ReadonlyArray<Destinations> = [
  {
    name: "metadata",
    // They lead to addresses below, but through a proxy only the name is seen.
    hosts: ["metadata", "metadata.goog", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"]
  },
  {
    name: "metadata",
    addresses: ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"]
  },
  { name: "private names", hosts: ["localhost", "*.localhost", "*.local", "*.internal", "*.home.arpa"] },
  { name: "unspecified", addresses: ["0.0.0.0/8", "::"] },
  { name: "loopback", addresses: ["127.0.0.0/8", "::1"] },
  { name: "private", addresses: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] },
  { name: "unique-local", addresses: ["fc00::/7"] },
  { name: "link-local", addresses: ["169.254.0.0/16", "fe80::/10"] },
  { name: "site-local", addresses: ["fec0::/10"] },
  { name: "carrier-grade NAT", addresses: ["100.64.0.0/10"] },
  { name: "broadcast", addresses: ["255.255.255.255"] },
  { name: "multicast", addresses: ["224.0.0.0/4", "ff00::/8"] },
  {
    name: "documentation",
    addresses: ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"]
  },
  { name: "benchmarks", addresses: ["198.18.0.0/15", "2001:2::/48"] },
  // Teredo is among them, which carries IPv4 addresses out of sight
  { name: "protocol assignments", addresses: ["192.0.0.0/24", "192.88.99.0/24", "2001::/23"] },
  // of networks' own, with IPv4 addresses anywhere in them
  { name: "local NAT64", addresses: ["64:ff9b:1::/48"] },
  // of IPv6 there is nothing public outside of 2000::/3
  { name: "reserved", addresses: ["240.0.0.0/4", "::/3", "4000::/2", "8000::/1"] }
]
