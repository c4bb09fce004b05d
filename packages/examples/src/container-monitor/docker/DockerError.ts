/** What may go wrong between the monitor and an engine. A closed union: who handles all of them is told by the compiler when one is added. */
import type { HttpClientError } from "@effect/platform"
import { Data } from "effect"

/** `DOCKER_HOST` and its kin do not say where the engine is. */
export class EndpointInvalid extends Data.TaggedError("EndpointInvalid")<{
  readonly field: string
  readonly value: string
  readonly allowed: string
}> {
  override get message(): string {
    return `${this.field}: ${JSON.stringify(this.value)} is not allowed; allowed: ${this.allowed}`
  }
}

/** There was no answer, or it ended too early. Worth another try. */
export class EngineUnreachable extends Data.TaggedError("EngineUnreachable")<{
  readonly engine: string
  readonly cause: HttpClientError.HttpClientError
}> {
  override get message(): string {
    const { cause } = this.cause
    return `${this.engine}: ${cause instanceof Error ? cause.message : this.cause.message}`
  }
}

interface Refusal {
  readonly engine: string
  readonly status: number
  /** what was asked for */
  readonly request: string
  /** the engine's own words */
  readonly reason: string
}

const told = ({ engine, reason, request, status }: Refusal): string => `${engine}: ${request}: ${status} ${reason}`

/** 304: it is so already. */
export class NotModified extends Data.TaggedError("NotModified")<Refusal> {
  override get message(): string {
    return told(this)
  }
}

/** 404: there is no such container. */
export class NotFound extends Data.TaggedError("NotFound")<Refusal> {
  override get message(): string {
    return told(this)
  }
}

/** 409: not as things are with that container. */
export class Conflict extends Data.TaggedError("Conflict")<Refusal> {
  override get message(): string {
    return told(this)
  }
}

/** Any other 4xx: it will not be otherwise the next time. */
export class Refused extends Data.TaggedError("Refused")<Refusal> {
  override get message(): string {
    return told(this)
  }
}

/** 5xx: the engine's own trouble. Worth another try. */
export class EngineFailed extends Data.TaggedError("EngineFailed")<Refusal> {
  override get message(): string {
    return told(this)
  }
}

/** What came is not what the API promises. */
export class ResponseInvalid extends Data.TaggedError("ResponseInvalid")<{
  readonly engine: string
  readonly request: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.engine}: ${this.request}: ${this.reason}`
  }
}

/** The two do not speak a common version. */
export class VersionUnsupported extends Data.TaggedError("VersionUnsupported")<{
  readonly engine: string
  /** what the engine speaks, as far as it told */
  readonly theirs: string
  readonly ours: string
}> {
  override get message(): string {
    return `${this.engine}: the engine speaks API ${this.theirs}, and this client ${this.ours}`
  }
}

export type DockerError =
  | EngineUnreachable
  | NotModified
  | NotFound
  | Conflict
  | Refused
  | EngineFailed
  | ResponseInvalid
  | VersionUnsupported

/** The error of a status that is not a success. */
export const ofStatus = (refusal: Refusal): NotModified | NotFound | Conflict | Refused | EngineFailed => {
  switch (refusal.status) {
    case 304:
      return new NotModified(refusal)
    case 404:
      return new NotFound(refusal)
    case 409:
      return new Conflict(refusal)
    default:
      return refusal.status >= 500 ? new EngineFailed(refusal) : new Refused(refusal)
  }
}
