import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A certificate for 127.0.0.1 that signs itself, as text. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** HTTP/2 is agreed on in the handshake of TLS, so the measurement needs a certificate; openssl makes one, and no file of it stays. */
export const makeCertificate = (): Certificate => {
  const folder = mkdtempSync(join(tmpdir(), "bench-"))
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  try {
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, "-days", "2", ...names], {
      stdio: "ignore"
    })
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
