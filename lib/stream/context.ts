/** What a source knows of its stream: as a frame source, and as a function that an application has written. */
import type { EventCodec } from '../wire/codec.ts'
import type { ControlForm } from '../wire/control-form.ts'
import type { SourceContext, SourceOwner } from '../wire/frame-source.ts'
import type { SourceArguments } from './source.ts'
import { until } from './until.ts'

/** What is needed of the stream. */
export interface SourceStream extends SourceOwner {
  /** Aborted when the stream has ended. */
  readonly signal: AbortSignal
  /** How it says what is no event of the application. */
  readonly control: ControlForm
  /** The stream is to be committed now. */
  ready (): void
}

/** One source's. */
export class StreamContext implements SourceContext {
  readonly lastEventId: string | undefined
  readonly codec: EventCodec | undefined
  readonly owner: SourceStream

  constructor (stream: SourceStream, lastEventId: string | undefined, codec: EventCodec | undefined) {
    this.owner = stream
    this.lastEventId = lastEventId
    this.codec = codec
  }

  get signal (): AbortSignal { return this.owner.signal }
  get control (): ControlForm { return this.owner.control }

  /** What a function source gets. */
  arguments (): SourceArguments {
    const stream = this.owner
    return {
      get signal () { return stream.signal },
      lastEventId: this.lastEventId,
      until: (promise) => until(promise, stream.signal),
      ready: () => { stream.ready() }
    }
  }
}
