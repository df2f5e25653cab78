/** What the user of a client sees of one stream: its items, its beginnings, and how it ends. */
import { Facts } from './facts.ts'

/** Something that the client hands to its user. */
export interface Item {
  /** The event type, where the client tells it; `message` for an unnamed event. */
  readonly type: string
  readonly data: string
}

/** What a driver tells of its client, in the order in which it happens. */
export type Told =
  | { readonly kind: 'opened' }
  | { readonly kind: 'item', readonly type: string, readonly data: string }
  /** The client has ended the stream by itself, as a success. */
  | { readonly kind: 'ended' }
  /** The client has ended the stream by itself, and does not say why, as an `EventSource` does. */
  | { readonly kind: 'closed' }
  /** The client has ended the stream by itself, as a failure. */
  | { readonly kind: 'failed', readonly message: string }

/** One stream of a client. */
export class Session {
  readonly facts: Facts
  readonly items: Item[] = []
  /** How often the client said that it is connected. Many never say so. */
  opened = 0
  /** How the client has ended it; `undefined` while it is open, and for clients that never say so. */
  end: Exclude<Told, { kind: 'opened' | 'item' }> | undefined

  constructor (facts: Facts) { this.facts = facts }

  /** For the driver. */
  readonly tell = (told: Told): void => {
    if (told.kind === 'opened') this.opened++
    else if (told.kind === 'item') this.items.push({ type: told.type, data: told.data })
    else this.end ??= told
    this.facts.changed()
  }

  /** What there is so far, for messages of tests. */
  get seen (): unknown { return { items: this.items, opened: this.opened, end: this.end } }
}

/** What a client is to do. */
export interface Task {
  /** The origin of the application, without a slash at its end. */
  readonly origin: string
  /** The path that it opens. */
  readonly path: string
  readonly method: 'GET' | 'POST'
}

/** A client at work. */
export interface OpenClient {
  /** Stops it, in whatever state it is. */
  close (): Promise<void>
  /** Is fulfilled when the client has most likely read what has reached its machine. Some read all of it at once. */
  hasRead? (): Promise<void>
}

/** A client, as its users would start it, with its defaults. */
export interface Client {
  readonly name: string
  /** For the option `skip` of a test. */
  readonly skip: string | false
  /** Opens a stream and tells the session. */
  open (task: Task, session: Session): Promise<OpenClient>
}
