/** The files that real servers serve. */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"

export interface Site {
  readonly root: string
  /** the size of /big, and the hash by which it is known */
  readonly bigBytes: number
  readonly bigHash: string
}

export const indexText = "hello"

/** A hash of what was received, to compare with `bigHash`. */
export const hashOf = (bytes: Uint8Array): string => Crypto.createHash("sha256").update(bytes).digest("hex")

/** Writes /index.html, /slow and /big. No two blocks of the big file are alike, so that none can be lost or doubled unseen. */
export const write = (folder: string, bigBytes = 8 * 1024 * 1024): Site => {
  const root = Path.join(folder, "site")
  Fs.mkdirSync(root)
  const big = Buffer.alloc(bigBytes)
  for (let at = 0; at + 4 <= bigBytes; at += 4) big.writeUInt32LE(at, at)
  // Readable for a server that gave up the rights of root, whatever this process keeps from others.
  Fs.chmodSync(root, 0o755)
  for (const [name, content] of Object.entries({ "index.html": indexText, slow: Buffer.alloc(64 * 1024, "s"), big })) {
    Fs.writeFileSync(Path.join(root, name), content)
    Fs.chmodSync(Path.join(root, name), 0o644)
  }
  return { root, bigBytes, bigHash: hashOf(big) }
}
