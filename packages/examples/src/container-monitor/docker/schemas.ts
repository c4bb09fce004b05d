/** What the engine answers, as far as it is of use here. Fields that others add do no harm. */
import { Schema } from "effect"

export class Version extends Schema.Class<Version>("Version")({
  Version: Schema.String,
  ApiVersion: Schema.String,
  MinAPIVersion: Schema.optional(Schema.String),
  Os: Schema.optional(Schema.String),
  Arch: Schema.optional(Schema.String),
  KernelVersion: Schema.optional(Schema.String)
}) {}

/** Engines say `null` where there are none. */
const Labels = Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
  default: () => ({}),
  nullable: true
})

export class ContainerSummary extends Schema.Class<ContainerSummary>("ContainerSummary")({
  Id: Schema.String,
  Names: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [], nullable: true }),
  Image: Schema.String,
  State: Schema.String,
  Status: Schema.optional(Schema.String),
  Labels
}) {
  /** Engines put a slash before it. */
  get name(): string {
    return nameOf(this.Names[0] ?? this.Id.slice(0, 12))
  }
}

export class Container extends Schema.Class<Container>("Container")({
  Id: Schema.String,
  Name: Schema.String,
  RestartCount: Schema.optionalWith(Schema.Number, { default: () => 0 }),
  State: Schema.Struct({
    Status: Schema.String,
    Running: Schema.Boolean,
    ExitCode: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    StartedAt: Schema.optional(Schema.String),
    FinishedAt: Schema.optional(Schema.String)
  }),
  Config: Schema.Struct({
    Image: Schema.optional(Schema.String),
    Tty: Schema.optionalWith(Schema.Boolean, { default: () => false }),
    Labels
  })
}) {
  get name(): string {
    return nameOf(this.Name)
  }
}

const nameOf = (name: string): string => name.startsWith("/") ? name.slice(1) : name

/** Something that happened to a container. */
export class EngineEvent extends Schema.Class<EngineEvent>("EngineEvent")({
  Type: Schema.optionalWith(Schema.String, { default: () => "container" }),
  Action: Schema.String,
  Actor: Schema.Struct({
    ID: Schema.String,
    Attributes: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.String }), {
      default: () => ({}),
      nullable: true
    })
  }),
  time: Schema.optional(Schema.Number)
}) {}

/** The body of a refusal. */
export const Refusal = Schema.parseJson(Schema.Struct({ message: Schema.String }))
